"""The same count by the usual Python pipeline, as the guides of its libraries describe it.

    cv2.VideoCapture -> cv2.resize -> onnxruntime -> supervision's ByteTrack -> supervision's LineZone

One thread. Takes one JSON argument {clip, framesPerSecond, model, input: {width, height, mean, std, padding}, lines};
prints each crossing as a line of JSON, then the CPU milliseconds of each stage.
"""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore", category=FutureWarning)

import cv2
import numpy as np
import onnxruntime
import supervision as sv

SCORE_FLOOR = 0.15
SURE_SCORE = 0.4


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Preprocess:
    """Scales into the top left of the model's input and normalises; its buffers are made once."""

    def __init__(self, width, height, mean, std, padding):
        self.mean = np.array(mean, np.float32)
        self.scale = 1 / np.array(std, np.float32)
        self.canvas = np.full((height, width, 3), padding, np.uint8)
        self.tensor = np.empty((1, 3, height, width), np.float32)

    def __call__(self, picture):
        height, width = self.canvas.shape[:2]
        scale = min(width / picture.shape[1], height / picture.shape[0])
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        self.canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        for channel, plane in enumerate(cv2.split(self.canvas)):
            np.subtract(plane, self.mean[channel], out=self.tensor[0, channel])
            self.tensor[0, channel] *= self.scale[channel]
        return self.tensor, scale


def detections_of(boxes, labels, scale):
    kept = (labels == 0) & (boxes[:, 4] >= SCORE_FLOOR)
    return sv.Detections(
        xyxy=boxes[kept, :4] / scale,
        confidence=boxes[kept, 4],
        class_id=np.zeros(int(kept.sum()), dtype=int),
    )


def line_zone(line, width, height):
    ends = [sv.Point(line[end]["x"] * width / 1000, line[end]["y"] * height / 1000) for end in ("from", "to")]
    return sv.LineZone(*ends, triggering_anchors=[sv.Position.BOTTOM_CENTER])


def main(task):
    cv2.setNumThreads(1)
    session = open_session(task["model"])
    preprocess = Preprocess(**task["input"])
    capture = cv2.VideoCapture(task["clip"], cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        sys.exit(f"{task['clip']}: OpenCV cannot read it.")
    width, height = (capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    tracker = sv.ByteTrack(
        track_activation_threshold=SURE_SCORE, lost_track_buffer=60, frame_rate=round(task["framesPerSecond"])
    )
    zones = [(line["name"], line_zone(line, width, height)) for line in task["lines"]]
    stages = dict.fromkeys(("decode", "preprocess", "inference", "track", "count"), 0)
    frame = 0

    def spent(stage, since):
        now = time.process_time_ns()
        stages[stage] += now - since
        return now

    while True:
        clock = time.process_time_ns()
        there, picture = capture.read()
        clock = spent("decode", clock)
        if not there:
            break
        frame += 1
        tensor, scale = preprocess(picture)
        clock = spent("preprocess", clock)
        boxes, labels = session.run(["dets", "labels"], {"input": tensor})
        clock = spent("inference", clock)
        tracked = tracker.update_with_detections(detections_of(boxes[0], labels[0], scale))
        clock = spent("track", clock)
        for name, zone in zones:
            left, entered = zone.trigger(tracked)  # its "in" ends on the left hand
            for direction, crossed in (("in", entered), ("out", left)):
                for track in tracked.tracker_id[crossed]:
                    moment = (frame - 1) / task["framesPerSecond"]
                    print(json.dumps({"line": name, "direction": direction, "time": moment, "track": int(track)}))
        spent("count", clock)
    print(json.dumps({"frames": frame, "stages": {name: spent / 1e6 for name, spent in stages.items()}}))


main(json.loads(sys.argv[1]))
