"""Exact frames of one video by their native number; knows nothing of segments, labels or models.

A native frame number is a place in presentation order, 0-based, over the frames the file really holds: headers are not
believed. `probe` reads all packets once and numbers them; decoding then stamps every packet with its number and reads
the stamp back from the frame, so a lost, repeated or reordered frame never shifts the ones behind it.
Frames are what the decoder gives: where packets show that they and frames may differ (fields, packets without a
picture, pictures that are not coded), or a container keeps no presentation times (AVI, raw streams) and its codec may
reorder
frames, `probe` decodes the file once. A file without any times gets its frames at the header's rate, and says so.

One video is decoded by one thread: frame threads can deadlock on early exit, slice threads lose corruption flags.
Pixels are taken as stored, without correction of the sample aspect ratio.
"""

from headhunt.names import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from headhunt.video.decode import decoder_version
from headhunt.video.files import find_videos, size_on_disk
from headhunt.video.identity import Change, Identity, compare, identify, is_begun_by
from headhunt.video.info import FOLDER_FPS, Packets, VideoInfo
from headhunt.video.probing import count_frames, probe
from headhunt.video.streaming import read_frames, stream

__all__ = [
    "FOLDER_FPS",
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Change",
    "Identity",
    "Packets",
    "VideoInfo",
    "compare",
    "count_frames",
    "decoder_version",
    "find_videos",
    "identify",
    "is_begun_by",
    "probe",
    "read_frames",
    "size_on_disk",
    "stream",
]
