"""UCF-Crime (Sultani et al., CVPR 2018): its lists and temporal annotations joined with the videos; it opens no video.

Three text files of the data set are used, each optional but one of them needed:

- `Anomaly_Train.txt` and `Anomaly_Test.txt`: a path a line, `Abuse/Abuse001_x264.mp4`, where the folder is the class;
  `Training_Normal_Videos_Anomaly` and `Testing_Normal_Videos_Anomaly` are normal.
- `Temporal_Anomaly_Annotation_for_Testing_Videos.txt`: `name class start end start end` a line, -1 -1 where there is no
  event; frames are native and taken as half-open.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from headhunt.datasets.folder import Reading, find_file, find_videos, lines, stem
from headhunt.errors import InputError, ManifestError
from headhunt.records import Interval, ManifestRow

TRAIN_LIST = "Anomaly_Train.txt"
TEST_LIST = "Anomaly_Test.txt"
ANNOTATIONS = "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
CLASSES = frozenset(
    "Abuse Arrest Arson Assault Burglary Explosion Fighting RoadAccidents Robbery Shooting Shoplifting Stealing "
    "Vandalism".split()
)
_NORMAL_FOLDERS = {"train": "Training_Normal_Videos_Anomaly", "test": "Testing_Normal_Videos_Anomaly"}
_NORMAL_CLASS = "Normal"
