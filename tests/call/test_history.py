"""What the model sees of a conversation, and what of it is folded into a summary."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.call.history import BACKLOG, FOLD_TOKENS, History, HistoryLimits
from backend.call.memory import MOST_TURNS, Memory
from backend.call.moves import DropFold, Fold, Folded, KeepSummary
from backend.call.token_count import message_tokens, text_tokens
from backend.past import headed, parted
from backend.ports import Message

PLAIN = HistoryLimits(max_messages=20)
FOLDING = HistoryLimits(max_messages=20, summary_tokens=100)


def turn(number: int, text: str = "") -> tuple[Message, Message]:
    return Message("user", f"问{number}{text}"), Message("assistant", f"答{number}{text}")


def after(turns: int, limits: HistoryLimits, text: str = "") -> History:
    history = History(limits)
    for number in range(turns):
        history.extend(turn(number, text))
    return history


def folds(memory: Memory) -> list[int]:
    """How many messages are asked to be folded now."""
    return [len(fold.messages) for fold in memory.fold(None)]


def test_of_a_plain_window_the_oldest_fall_out() -> None:
    history = after(12, PLAIN)

    assert history.messages == tuple(message for number in range(2, 12) for message in turn(number))
    assert history.due() == ()
    assert after(3, HistoryLimits(max_messages=0)).messages == ()


def test_the_window_is_bounded_by_tokens_too() -> None:
    history = after(10, HistoryLimits(max_messages=20, max_tokens=100), "一二三四五六七八")

    assert 80 < message_tokens(history.messages) <= 100
    assert history.messages[-2:] == turn(9, "一二三四五六七八")


def test_of_a_message_that_does_not_fit_by_itself_the_beginning_is_seen() -> None:
    history = History(HistoryLimits(max_tokens=50), [Message("user", "长" * 200)])

    [message] = history.messages
    assert message.text == "长" * 45 + "…"


def test_some_turns_before_the_window_is_full_its_older_half_is_folded_whole_turns_at_a_time() -> None:
    assert after(8, FOLDING).due() == ()
    history = after(9, FOLDING)

    assert history.due() == tuple(message for number in range(4) for message in turn(number))
    history.fold(len(history.due()), " 记得。\n")
    assert parted(history.messages) == ("记得。", tuple(m for number in range(4, 9) for m in turn(number)))
    assert history.due() == ()


def test_a_window_that_is_full_by_tokens_is_folded_before_it_is_full_by_messages() -> None:
    history = after(4, HistoryLimits(max_messages=20, max_tokens=200, summary_tokens=100), "一二三四五六七八九十" * 2)

    assert len(history.due()) == 6


def test_the_latest_turn_is_never_folded_unless_the_window_has_no_room_at_all() -> None:
    assert after(1, HistoryLimits(max_messages=2, summary_tokens=9)).due() == ()
    assert after(2, HistoryLimits(max_messages=2, summary_tokens=9)).due() == turn(0)
    assert after(1, HistoryLimits(max_messages=0, summary_tokens=9)).due() == turn(0)


def test_what_waits_is_bounded_and_so_is_a_request() -> None:
    history = after(200, FOLDING, "很长的话" * 20)

    assert history.unfolded == FOLDING.max_messages + BACKLOG
    assert len(history.messages) <= FOLDING.max_messages
    assert FOLD_TOKENS / 2 < message_tokens(history.due()) <= FOLD_TOKENS


def test_a_summary_is_as_long_as_it_may_be_and_no_longer() -> None:
    history = after(9, FOLDING)
    history.fold(2, "他叫小明。" * 50)

    assert text_tokens(history.summary) == 95  # another sentence, and a mark that more was said, would be too much
    assert history.summary.endswith("。")


def test_a_summary_is_taken_up_unless_it_is_switched_off() -> None:
    past = headed("他叫小明。", turn(1))

    assert History(FOLDING, past).messages == past
    assert History(PLAIN, past).messages == turn(1)


def memory(turns: int) -> Memory:
    it = Memory(FOLDING)
    for number in range(turns):
        it.extend(turn(number))
    return it


def test_one_request_at_a_time_and_its_summary_is_kept_with_where_it_ends() -> None:
    it = memory(9)
    [fold] = it.fold("mei")
    it.extend(turn(9))

    assert (fold.number, fold.summary, len(fold.messages), fold.persona) == (1, "", 8, "mei")
    assert it.fold("mei") == []
    assert it.take(Folded(1, "他叫小明。")) == [KeepSummary("他叫小明。", newer=12)]
    assert it.messages[0] == Message("system", "他叫小明。")
    assert it.take(Folded(1, "again")) == []


def test_the_next_request_has_the_summary_so_far_and_what_came_since() -> None:
    it = memory(9)
    it.fold(None)
    it.take(Folded(1, "他叫小明。"))
    for number in range(9, 13):
        it.extend(turn(number))

    assert it.fold(None) == [Fold(2, "他叫小明。", tuple(m for n in range(4, 8) for m in turn(n)), None)]


def test_a_turn_ends_the_request_and_its_late_answer_is_dropped() -> None:
    it = memory(9)
    it.fold(None)

    assert it.drop() == [DropFold(1)]
    assert it.drop() == []
    assert it.take(Folded(1, "too late")) == []
    assert it.messages == tuple(message for number in range(9) for message in turn(number))


def test_a_failure_changes_nothing_and_is_tried_again_later_and_later() -> None:
    it, tried = memory(9), []
    for number in range(1, 40):
        if fold := it.fold(None):
            tried.append(number)
            it.take(Folded(fold[0].number, None))

    assert tried[:5] == [1, 2, 4, 8, 16]
    assert {later - earlier for earlier, later in pairwise(tried[4:])} == {MOST_TURNS + 1}


def test_what_is_forgotten_while_it_is_being_folded_is_not_counted_twice() -> None:
    it = memory(9)
    it.fold(None)
    for number in range(9, 45):  # a request that takes as long as that is no more than a thought
        it.extend(turn(number))

    [kept] = it.take(Folded(1, "他叫小明。"))

    assert kept.newer == FOLDING.max_messages + BACKLOG


@pytest.mark.parametrize("limits", [PLAIN, FOLDING, HistoryLimits(6, 60, 20), HistoryLimits(1, 30, 5)])
@given(steps=st.lists(st.sampled_from(["short", "long", "hers", "fold", "fail", "drop", "none"]), max_size=80))
def test_in_any_order_the_prompt_is_bounded_and_nothing_is_lost_between_window_and_summary(
    limits: HistoryLimits, steps: list[str]
) -> None:
    it, said, folded, number = Memory(limits), 0, 0, 0
    pending: tuple[Message, ...] = ()
    for step in steps:
        match step:
            case "short" | "long":
                text = "字" * (1 if step == "short" else 100)
                it.extend([Message("user", f"{said} {text}"), Message("assistant", f"{said + 1} {text}")])
                said += 2
            case "hers":
                it.extend([Message("assistant", f"{said} 喂")])
                said += 1
            case "none":
                begun = it.fold(None)
                assert not (begun and pending)
                if begun:
                    [fold] = begun
                    number, pending = fold.number, fold.messages
                    assert message_tokens(pending) <= FOLD_TOKENS
                    assert int(pending[0].text.split()[0]) >= folded
            case "fold" | "fail":
                kept = it.take(Folded(number, "记" * 200 if step == "fold" else None))
                if kept:
                    folded = int(pending[-1].text.split()[0]) + 1
                    assert text_tokens(kept[0].summary) <= limits.summary_tokens
                pending = ()
            case "drop":
                it.drop()
                pending = ()
        summary, window = parted(it.messages)
        assert len(window) <= limits.max_messages
        assert message_tokens(window) <= limits.max_tokens
        assert text_tokens(summary) <= limits.summary_tokens
        numbers = [int(message.text.split()[0]) for message in window]
        assert numbers == list(range(said - len(window), said)), "the newest, in order"
