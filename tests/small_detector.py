"A detector small enough to be made for every test."

from dinofrcnn.compute import seed_everything
from dinofrcnn.detector.detector import Detector, DinoFasterRCNN

RATIOS = [[0.5, 1.0, 2.0]] * 3
SIZES = [[16, 32], [48, 64], [96, 160]]


def small_detector(backbone):
    "An untrained model of four classes on `backbone`, in eval mode; it reports every detection."
    seed_everything(0)
    detector = Detector(
        backbone.out_channels,
        4,
        [8, 16, 32],
        anchor_sizes=SIZES,
        aspect_ratios=RATIOS,
        score_thresh=0.0,
    )
    return DinoFasterRCNN(backbone, detector, list("abcd"), 128, 192).eval()
