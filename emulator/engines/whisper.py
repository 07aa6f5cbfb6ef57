"""Recognition with faster-whisper: one stretch of speech in, one line of Mandarin or English out. Runs in a worker."""

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000
LANGUAGES: Final = ("zh", "en")
PROMPTS: Final = {"zh": "以下是普通话的句子，使用简体中文和标点符号。", "en": ""}
"""A prompt in simplified characters with marks makes the model go on like that."""

FRAME_SAMPLES: Final = 160
WHOLE_FRAMES: Final = 3000
SHORTEST_FRAMES: Final = 1000
TAIL_FRAMES: Final = 100
"""The model was made for 30 s. On 10 s it is as good for short speech, and takes a third of the time."""

LOW_LOGPROB: Final = -1.0
LIKELY_SILENCE: Final = 0.6
REPETITIVE: Final = 2.4
TOKENS_PER_S: Final = 14
"""Nobody speaks faster; what is longer is the model talking to itself."""

SAID: Final = {"zh": "大家在说{}。", "en": "They talk about {}."}
"""Words in a sentence are taken up; a bare list of them was not."""
MOST_PROMPT_CHARS: Final = 60
"""Of hot words; a longer prompt pulls the model away from what it hears."""

STOCK_PHRASES: Final = re.compile(
    r"字幕|点赞|點贊|订阅|訂閱|打赏|明镜|谢谢(大家)?(观看|收看)|感谢(您的)?(观看|收看)|下(期|集)再见|"
    r"thanks? (you )?for watching|subscribe|amara\.org",
    re.IGNORECASE,
)
"""What the model says about silence and noise: the ends of the videos that it learnt from."""

FULL_WIDTH: Final = str.maketrans({",": "，", "?": "？", "!": "！", ":": "：", ";": "；"})
CJK: Final = r"\u3400-\u9fff"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard and how sure the model is. An empty text: nothing that counts as speech."""

    text: str
    language: str
    logprob: float
    silence: float


class Whisper:
    """The model. The folder holds its `model.bin`, `config.json`, `tokenizer.json` and `vocabulary.txt`."""

    def __init__(self, folder: str, threads: int) -> None:
        self._model = WhisperModel(str(Path(folder)), device="cpu", compute_type="int8", cpu_threads=threads)
        tokenizer = self._model.hf_tokenizer
        self._tokenizers = {
            language: Tokenizer(tokenizer, multilingual=True, task="transcribe", language=language)
            for language in LANGUAGES
        }
        _simplified("")
        silence = np.zeros(SAMPLE_RATE_HZ, np.float32)  # the first run costs more than the later ones
        self._decode(self._model.feature_extractor(silence), SHORTEST_FRAMES, 1.0)

    def transcribe(self, blob: bytes, hot_words: Sequence[str] = ()) -> tuple[dict[str, Any], bytes]:
        """Write down PCM (16 kHz, 16-bit, mono, up to 30 s), expecting these names and terms."""
        samples = np.frombuffer(blob, "<i2").astype(np.float32) / 32768
        features = self._model.feature_extractor(samples)
        frames = min(WHOLE_FRAMES, max(SHORTEST_FRAMES, math.ceil(len(samples) / FRAME_SAMPLES) + TAIL_FRAMES))
        seconds = len(samples) / SAMPLE_RATE_HZ
        heard = self._decode(features, frames, seconds, hot_words)
        if frames < WHOLE_FRAMES and _doubtful(heard):
            heard = max(heard, self._decode(features, WHOLE_FRAMES, seconds, hot_words), key=_trust)
        return asdict(_sifted(heard, hot_words)), b""

    def _decode(
        self, features: NDArray[np.float32], frames: int, seconds: float, hot_words: Sequence[str] = ()
    ) -> Transcript:
        encoded = self._model.encode(_cut(features, frames))
        language = self._language(encoded)
        tokenizer = self._tokenizers[language]
        prompt = self._model.get_prompt(
            tokenizer, tokenizer.encode(_prompt(language, hot_words)), without_timestamps=True
        )
        limit = len(prompt) + 8 + math.ceil(seconds * TOKENS_PER_S)
        (answer,) = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=min(limit, self._model.max_length),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=[-1],
        )
        text = tokenizer.decode(answer.sequences_ids[0]).strip()
        return Transcript(text, language, float(answer.scores[0]), float(answer.no_speech_prob))

    def _language(self, encoded: Any) -> str:
        """The likelier of the two that are spoken here."""
        (scores,) = self._model.model.detect_language(encoded)
        probability = {token.strip("<|>"): score for token, score in scores}
        return max(LANGUAGES, key=lambda language: float(probability.get(language, 0.0)))


def _prompt(language: str, hot_words: Sequence[str]) -> str:
    """What the model believes was said before: it goes on in that style, and with those words."""
    wanted = [word for word in hot_words if (re.search(f"[{CJK}]", word) is not None) == (language == "zh")]
    named = ("、" if language == "zh" else ", ").join(wanted)[:MOST_PROMPT_CHARS]
    return PROMPTS[language] + (SAID[language].format(named) if named else "")


def _cut(features: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """To this length, by cutting or by silence."""
    missing = frames - features.shape[1]
    return features[:, :frames] if missing <= 0 else np.pad(features, ((0, 0), (0, missing)))


def _doubtful(heard: Transcript) -> bool:
    return heard.logprob < LOW_LOGPROB or _repetition(heard.text) > REPETITIVE


def _trust(heard: Transcript) -> float:
    return heard.logprob - max(0.0, _repetition(heard.text) - REPETITIVE)


def _repetition(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def _sifted(heard: Transcript, hot_words: Sequence[str] = ()) -> Transcript:
    """Without what the model made up."""
    invented = (
        (heard.silence > LIKELY_SILENCE and heard.logprob < LOW_LOGPROB / 2)
        or heard.logprob < LOW_LOGPROB * 1.5
        or _repetition(heard.text) > REPETITIVE
        or (STOCK_PHRASES.search(heard.text) is not None and (heard.silence > 0.2 or heard.logprob < LOW_LOGPROB / 2))
        or (bool(heard.text) and heard.text.strip("。") in PROMPTS["zh"])
        or (heard.logprob < LOW_LOGPROB / 2 and heard.text.strip("。，,. ") in _prompt(heard.language, hot_words))
        or re.search(r"\w", heard.text) is None
    )
    text = "" if invented else tidy(heard.text)
    return Transcript(text, heard.language, heard.logprob, heard.silence)


def tidy(text: str) -> str:
    """Mandarin in simplified characters with full-width marks and no spaces between them; English as it is."""
    text = " ".join(text.split())
    if not re.search(f"[{CJK}]", text):
        return text
    text = _simplified(text).translate(FULL_WIDTH)
    text = re.sub(r"\.(?=\s|$)", "。", text)
    return re.sub(rf"(?<=[{CJK}，。？！：；、])\s+|\s+(?=[{CJK}，。？！：；、])", "", text)


def _simplified(text: str) -> str:
    """In simplified characters, where the tables are installed; the prompt alone manages most of it."""
    try:
        from misaki.zh_normalization.char_convert import tranditional_to_simplified  # noqa: PLC0415
    except ImportError:
        return text
    return str(tranditional_to_simplified(text))
