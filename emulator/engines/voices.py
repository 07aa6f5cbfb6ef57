"""Which of our few voices stands in for a vendor's voice id: the same one every time, and of the same sex."""

import re
import zlib
from collections.abc import Mapping
from typing import Final

DEFAULT: Final = "xia"
"""The clearest of them: bright and quick, a woman of about twenty."""

WOMEN: Final[Mapping[str, Mapping[str, float]]] = {
    "xia": {"jf_gongitsune": 1.0},
    "lan": {"jf_nezumi": 1.0},
    "yue": {"jf_gongitsune": 0.6, "jf_nezumi": 0.4},
    "ning": {"jf_gongitsune": 0.7, "jf_tebukuro": 0.3},
}
MEN: Final[Mapping[str, Mapping[str, float]]] = {
    "song": {"jm_kumo": 1.0},
    "feng": {"jm_kumo": 0.8, "jf_gongitsune": 0.2},
    "shan": {"jm_kumo": 0.8, "jf_nezumi": 0.2},
}
ALL: Final[Mapping[str, Mapping[str, float]]] = {**WOMEN, **MEN}

LEADS: Final = ("shuangkuaisisi", "longhua")
"""In the ids of voices that a persona of this project speaks with by default."""

MALE_NAMES: Final = re.compile(
    r"long(cheng|xiaocheng|laotie|shu|shuo|fei|jielidou|xiang|tian|ze|hao|han|yichen|laobo|laoyi|anyang|sanshu|gaoseng)|"
    r"loong(brian|andy)"
)
"""CosyVoice ids that do not say the sex: the men among them."""

OWN: Final = re.compile(r"zh_(?:fe)?male_(\w+)_local_bigtts")
"""An id of the shape that Doubao's have, for one of ours: so that a client of Doubao's can choose it."""


def stand_in(voice_id: str) -> str:
    """One of ours for this id; ours by their own names are themselves."""
    name = voice_id.lower()
    if own := OWN.fullmatch(name):
        name = own[1]
    if name in ALL:
        return name
    if any(lead in name for lead in LEADS):
        return DEFAULT
    if "female" in name:
        return _spread(name, WOMEN)
    if "male" in name or MALE_NAMES.fullmatch(name.partition("_")[0]):
        return _spread(name, MEN)
    return _spread(name, WOMEN) if name else DEFAULT


def _spread(name: str, voices: Mapping[str, Mapping[str, float]]) -> str:
    return sorted(voices)[zlib.crc32(name.encode()) % len(voices)]
