"Detections that repeat the truth, and the twelve numbers that pycocotools gives them."

import contextlib
import io


def perfect(truth: dict) -> list:
    "A detection with score 1 for every annotation of a COCO dictionary."
    keys = ("image_id", "category_id", "bbox")
    return [{k: row[k] for k in keys} | {"score": 1.0} for row in truth["annotations"]]


def scores(truth: dict, detections: list):
    "The twelve numbers of pycocotools."
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = truth
        gt.createIndex()
        run = COCOeval(gt, gt.loadRes(detections), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats
