"Exports as tools write them: six small images, each with a box of its own, in every layout."

import csv
import json

import numpy as np
from PIL import Image

SIZE = (80, 60)  # width, height
CLASSES = ["bolt", "nut"]
NAMES = [f"im{i}" for i in range(6)]


def box_of(name):
    "The box of an image, another one for each: x1 y1 x2 y2."
    i = int(name[-1])
    return [10.0 + i, 8.0, 40.0 + i, 30.0]


def label_of(name):
    return int(name[-1]) % 2


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int(path.stem[-1])
    noise = np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def yolo(path):
    x1, y1, x2, y2 = box_of(path.stem)
    numbers = [(x1 + x2) / 2 / SIZE[0], (y1 + y2) / 2 / SIZE[1]]
    numbers += [(x2 - x1) / SIZE[0], (y2 - y1) / SIZE[1]]
    write(path, f"{label_of(path.stem)} {' '.join(f'{n:.6f}' for n in numbers)}\n")


def coco(path, names, folder="", captions=False):
    images = []
    annotations = []
    for i, name in enumerate(names):
        x1, y1, x2, y2 = box_of(name)
        width, height = SIZE
        images.append(
            {"id": i, "file_name": f"{folder}{name}.jpg", "width": width, "height": height}
        )
        box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "category_id": label_of(name) + 1}
        about = {"caption": "a part"} if captions else {**box, "area": 1, "iscrowd": 0}
        annotations.append({"id": i, "image_id": i, **about})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write(path, json.dumps(content))


def voc(path):
    x1, y1, x2, y2 = box_of(path.stem)
    corners = {"xmin": x1 + 1, "ymin": y1 + 1, "xmax": x2, "ymax": y2}
    box = "".join(f"<{key}>{value:g}</{key}>" for key, value in corners.items())
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
    name = CLASSES[label_of(path.stem)]
    found = f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"
    about = f"<filename>{path.stem}.jpg</filename>{size}{found}"
    write(path, f"<annotation>{about}</annotation>")


def data_yaml(file, **splits):
    lines = [f"{key}: {value}" for key, value in splits.items()]
    write(file, "\n".join([*lines, "nc: 2", "names: [bolt, nut]"]))


TWO = {"train": NAMES[:4], "val": NAMES[4:]}
THREE = {"train": NAMES[:3], "val": NAMES[3:5], "test": NAMES[5:]}
ALL = {"train": NAMES}


def yolo_flat(root):
    for name in NAMES:
        draw(root / f"{name}.jpg")
        yolo(root / f"{name}.txt")
    write(root / "classes.txt", "bolt\nnut\n")
    return "yolo", ALL


def yolo_images_and_labels(root):
    for name in NAMES:
        draw(root / f"images/{name}.jpg")
        yolo(root / f"labels/{name}.txt")
    write(root / "classes.txt", "bolt\nnut\n")
    write(root / "notes.json", json.dumps({"categories": [{"id": 0, "name": "bolt"}]}))
    return "yolo", ALL


def yolo_splits_below_images(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"images/{split}/{name}.jpg")
            yolo(root / f"labels/{split}/{name}.txt")
    data_yaml(
        root / "dataset.yaml", path="../datasets/mine", train="images/train", val="images/val"
    )
    return "yolo", TWO


def roboflow_yolo(root):
    for split, names in {"train": THREE["train"], "valid": THREE["val"], "test": ["im5"]}.items():
        for name in names:
            draw(root / f"{split}/images/{name}.jpg")
            yolo(root / f"{split}/labels/{name}.txt")
    paths = {"train": "../train/images", "val": "../valid/images", "test": "../test/images"}
    data_yaml(root / "data.yaml", **paths)
    write(root / "README.roboflow.txt", "Exported on Monday, 1 2 3 4 5")
    return "yolo", THREE


def yaml_of_another_machine(root):
    yolo_splits_below_images(root)
    (root / "dataset.yaml").unlink()
    paths = {"train": "/home/bob/set/images/train", "val": "D:\\set\\images\\val"}
    data_yaml(root / "data.yaml", **paths)
    return "yolo", TWO


def yaml_with_lists(root):
    for name in NAMES:
        draw(root / f"images/{name}.jpg")
        yolo(root / f"labels/{name}.txt")
    for split, names in TWO.items():
        write(root / f"{split}.txt", "".join(f"./images/{name}.jpg\n" for name in names))
    data_yaml(root / "data.yaml", path=".", train="train.txt", val="val.txt")
    return "yolo", TWO


def cvat_yolo(root):
    for name in NAMES:
        draw(root / f"obj_train_data/{name}.jpg")
        yolo(root / f"obj_train_data/{name}.txt")
    write(root / "obj.names", "bolt\nnut\n")
    write(root / "train.txt", "".join(f"data/obj_train_data/{name}.jpg\n" for name in NAMES))
    settings = "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    write(root / "obj.data", settings)
    return "yolo", ALL


def coco_2017(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"{split}2017/{name}.jpg")
        coco(root / f"annotations/instances_{split}2017.json", names)
        coco(root / f"annotations/captions_{split}2017.json", names, captions=True)
    return "coco", TWO


def roboflow_coco(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        for name in names:
            draw(root / f"{split}/{name}.jpg")
        coco(root / f"{split}/_annotations.coco.json", names)
    return "coco", TWO


def label_studio_coco(root):
    for name in NAMES:
        draw(root / f"images/{name}.jpg")
    coco(root / "result.json", NAMES, folder="images/")
    return "coco", ALL


def cvat_coco(root):
    for name in NAMES:
        draw(root / f"images/default/{name}.jpg")
    coco(root / "annotations/instances_default.json", NAMES)
    return "coco", ALL


def voc_2007(root):
    for name in NAMES:
        draw(root / f"VOC2007/JPEGImages/{name}.jpg")
        voc(root / f"VOC2007/Annotations/{name}.xml")
    main = root / "VOC2007/ImageSets/Main"
    for split, names in TWO.items():
        write(main / f"{split}.txt", "".join(f"{name}\n" for name in names))
    write(main / "trainval.txt", "".join(f"{name}\n" for name in NAMES))
    write(main / "bolt_train.txt", "".join(f"{name} 1\n" for name in TWO["train"]))
    return "voc", TWO


def beside_the_images(root, write_labels, suffix):
    for name in NAMES:
        draw(root / f"{name}.jpg")
        write_labels(root / f"{name}{suffix}")


def label_img(root):
    beside_the_images(root, voc, ".xml")
    return "voc", ALL


def roboflow_voc(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        for name in names:
            draw(root / f"{split}/{name}.jpg")
            voc(root / f"{split}/{name}.xml")
    return "voc", TWO


def voc_in_two_folders(root):
    for name in NAMES:
        draw(root / f"photos/{name}.jpg")
        voc(root / f"xml/{name}.xml")
    return "voc", ALL


def in_a_folder_of_its_own(root):
    return roboflow_yolo(root / "My parts.v3i.yolov8")


def labelme(path, image=None):
    x1, y1, x2, y2 = box_of(path.stem)
    shape = {"shape_type": "rectangle", "points": [[x2, y1], [x1, y2]]}
    shape["label"] = CLASSES[label_of(path.stem)]
    about = {"imagePath": image or f"{path.stem}.jpg", "imageWidth": 80, "imageHeight": 60}
    write(path, json.dumps({"version": "5.4", "flags": {}, "shapes": [shape], **about}))


def labelme_flat(root):
    beside_the_images(root, labelme, ".json")
    return "labelme", ALL


def labelme_of_another_machine(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"images/{split}/{name}.jpg")
            labelme(root / f"labels/{split}/{name}.json", f"C:\\Users\\eva\\{name}.jpg")
    return "labelme", TWO


def via_image(name):
    x1, y1, x2, y2 = box_of(name)
    shape = {"name": "rect", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
    label = {"part": CLASSES[label_of(name)]}
    region = {"shape_attributes": shape, "region_attributes": label}
    return {"filename": f"{name}.jpg", "size": 9, "regions": [region], "file_attributes": {}}


def via_project(root):
    images = {f"{name}.jpg9": via_image(name) for name in NAMES}
    for name in NAMES:
        draw(root / f"{name}.jpg")
    write(root / "via_project.json", json.dumps({"_via_settings": {}, "_via_img_metadata": images}))
    return "via", ALL


def via_json_per_split(root):
    for split, names in TWO.items():
        for name in names:
            draw(root / f"{split}/{name}.jpg")
        images = {f"{name}.jpg9": via_image(name) for name in names}
        write(root / f"{split}/via_region_data.json", json.dumps(images))
    return "via", TWO


def table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as f:
        csv.writer(f).writerows([*([header.split(",")] if header else []), *rows])


def via_csv(root):
    rows = []
    for name in NAMES:
        draw(root / f"pictures/{name}.jpg")
        image = via_image(name)
        parts = [json.dumps(part) for part in image["regions"][0].values()]
        rows.append([image["filename"], 9, "{}", 1, 0, *parts])
    parts = "region_count,region_id,region_shape_attributes,region_attributes"
    table(root / "via_export_csv.csv", f"filename,file_size,file_attributes,{parts}", rows)
    return "via", ALL


def cvat_images(root):
    images = []
    for i, name in enumerate(NAMES):
        subset = "Validation" if name in TWO["val"] else "Train"
        draw(root / f"images/{subset}/{name}.jpg")
        corners = zip(("xtl", "ytl", "xbr", "ybr"), box_of(name), strict=True)
        box = " ".join(f'{key}="{value}"' for key, value in corners)
        about = f'id="{i}" name="{name}.jpg" subset="{subset}" width="80" height="60"'
        shape = f'<box label="{CLASSES[label_of(name)]}" occluded="1" {box}></box>'
        images.append(f"<image {about}>{shape}</image>")
    text = f"<annotations><version>1.1</version><meta/>{''.join(images)}</annotations>"
    write(root / "annotations.xml", f'<?xml version="1.0" encoding="utf-8"?>\n{text}')
    return "cvat", TWO


def createml(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        images = []
        for name in names:
            draw(root / f"{split}/{name}.jpg")
            x1, y1, x2, y2 = box_of(name)
            place = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1}
            found = {"label": CLASSES[label_of(name)], "coordinates": place}
            images.append({"image": f"{name}.jpg", "annotations": [found]})
        write(root / f"{split}/_annotations.createml.json", json.dumps(images))
    return "createml", TWO


def roboflow_csv(root):
    for split, names in {"train": TWO["train"], "valid": TWO["val"]}.items():
        rows = []
        for name in names:
            draw(root / f"{split}/{name}.jpg")
            rows.append([f"{name}.jpg", *SIZE, CLASSES[label_of(name)], *box_of(name)])
        header = "filename,width,height,class,xmin,ymin,xmax,ymax"
        table(root / f"{split}/_annotations.csv", header, rows)
    write(root / "README.roboflow.txt", "Exported on Monday")
    return "csv", TWO


def retinanet_csv(root):
    for split, names in TWO.items():
        rows = []
        for name in names:
            draw(root / f"images/{name}.jpg")
            rows.append([f"/home/bob/images/{name}.jpg", *box_of(name), CLASSES[label_of(name)]])
        table(root / f"{split}.csv", "", rows)
    write(root / "classes.csv", "bolt,0\nnut,1\n")
    return "csv", TWO


def kaggle_csv_with_a_split_column(root):
    rows = []
    for split, names in TWO.items():
        for name in names:
            draw(root / f"archive/data/{name}.jpg")
            x1, y1, x2, y2 = box_of(name)
            rows.append([name + ".jpg", split, x1, y1, x2 - x1, y2 - y1, CLASSES[label_of(name)]])
    header = "image_id,split,left,top,width,height,label"
    table(root / "archive/labels.csv", header, rows)
    return "csv", TWO


LAYOUTS = [
    labelme_flat,
    labelme_of_another_machine,
    via_project,
    via_json_per_split,
    via_csv,
    cvat_images,
    createml,
    roboflow_csv,
    retinanet_csv,
    kaggle_csv_with_a_split_column,
    yolo_flat,
    yolo_images_and_labels,
    yolo_splits_below_images,
    roboflow_yolo,
    yaml_of_another_machine,
    yaml_with_lists,
    cvat_yolo,
    coco_2017,
    roboflow_coco,
    label_studio_coco,
    cvat_coco,
    voc_2007,
    label_img,
    roboflow_voc,
    voc_in_two_folders,
    in_a_folder_of_its_own,
]
