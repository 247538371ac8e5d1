"""A log in the hands of a machine: it appends, crashes, reloads and proves, and holds together after every step."""

import contextlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from audit.format.entry import Kind
from audit.stores.checked import check_at_start, check_whole_log
from audit.stores.entries import head
from audit.stores.nodes import consistency, inclusion
from audit.stores.sqlite import open_connection
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import EMPTY_ROOT, leaf_hash, root_hash, verify_consistency, verify_inclusion
from audit.writing.sequencer import NotDurableError

SMALL = settings(
    deadline=None,
    max_examples=15,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class Refused(Exception):  # noqa: N818 -- a refusal, as an item makes one
    pass


class LogMachine(RuleBasedStateMachine):
    make: Callable  # of a log in a directory
    draft: Callable

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self.place = self.make(Path(self._directory.name))
        self.numbers = itertools.count()
        self.entries: list[bytes] = []  # what was acknowledged, and nothing else, must be in the log
        self.state: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self.checkpoints: list[str] = []
        self.writer = self.place.start()

    def teardown(self) -> None:
        self.place.close()
        self._directory.cleanup()

    def accept(self, made) -> None:
        assert made.index == len(self.entries)
        self.entries.append(made.entry)
        if made.draft.recipient:
            self.counts[made.draft.recipient] += 1
            assert b'"counter":%d,' % self.counts[made.draft.recipient] in made.entry
        for key in made.draft.state_keys:
            self.state[key] = made.index
        assert made.state_index == max(self.state.values(), default=-1)
        if made.checkpoint not in self.checkpoints:
            self.checkpoints.append(made.checkpoint)

    def next(self, kind=Kind.SEARCH, **more):
        return self.draft(f"e_{next(self.numbers)}", kind, **more)

    @rule(recipient=st.sampled_from([None, "harbour", "police"]))
    def append(self, recipient) -> None:
        self.accept(self.writer.append(lambda _c, _m: self.next(recipient=recipient)))

    @rule(keys=st.sets(st.sampled_from(["core/x", "consent/a", "consent/b"]), min_size=1))
    def change_the_state(self, keys) -> None:
        self.accept(self.writer.append(lambda _c, _m: self.next(Kind.CONSENT_WITHDRAWN, state_keys=tuple(sorted(keys)))))

    @rule(outcomes=st.lists(st.sampled_from(["entry", "nothing", "refusal"]), min_size=1, max_size=8))
    def append_together(self, outcomes) -> None:
        def refusal(_connection, _moment):
            raise Refused

        withins = {"entry": lambda _c, _m: self.next(), "nothing": lambda _c, _m: None, "refusal": refusal}
        results = self.place.submit_together(self.writer, [withins[one] for one in outcomes])
        for wanted, found in zip(outcomes, results, strict=True):
            if wanted == "entry":
                self.accept(found)
            else:
                assert (found is None) if wanted == "nothing" else isinstance(found, Refused)

    @rule()
    def crash_before_the_commit(self) -> None:
        """The process dies with a batch half written: the next one finds nothing of it."""
        signer, sign = self.place.signer, type(self.place.signer).sign

        def die(*_):
            self.writer._connection.run("ROLLBACK")  # what SQLite does with a transaction whose process is gone
            raise OSError("killed")

        type(signer).sign = die
        try:
            with pytest.raises(NotDurableError):
                self.writer.append(lambda _c, _m: self.next(Kind.CORE_PUBLISHED, state_keys=("core/lost",)))
        finally:
            type(signer).sign = sign

    @rule()
    def reload(self) -> None:
        self.writer.close()
        self.writer = self.place.start()

    @rule()
    def another_process_appends(self) -> None:
        other = self.place.start()
        self.accept(other.append(lambda _c, _m: self.next(recipient="harbour")))
        other.close()

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def prove_an_inclusion(self, data) -> None:
        note = data.draw(st.sampled_from(self.checkpoints))
        signed = verify_checkpoint(note, self.place.signer.vkey)
        index = data.draw(st.integers(0, signed.size - 1))
        with contextlib.closing(open_connection(self.place.database, read_only=True)) as connection:
            proof = inclusion(connection, index=index, size=signed.size)
        leaf = leaf_hash(self.entries[index])
        verify_inclusion(leaf, index=index, tree_size=signed.size, proof=proof, root=signed.root)

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def prove_a_consistency(self, data) -> None:
        notes = [data.draw(st.sampled_from(self.checkpoints)) for _ in range(2)]
        old, new = sorted((verify_checkpoint(note, self.place.signer.vkey) for note in notes), key=lambda one: one.size)
        with contextlib.closing(open_connection(self.place.database, read_only=True)) as connection:
            proof = consistency(connection, old=old.size, size=new.size)
        verify_consistency(old_size=old.size, old_root=old.root, size=new.size, root=new.root, proof=proof)

    @invariant()
    def the_whole_log_holds_together(self) -> None:
        with contextlib.closing(open_connection(self.place.database, read_only=True)) as connection:
            check_whole_log(connection, self.place.signer.vkey)
            check_at_start(connection, self.place.signer.vkey, last=3)
            kept = [row[0] for row in connection.all("SELECT entry FROM log_entry ORDER BY idx")]
            assert kept == self.entries
            assert dict(connection.all("SELECT key, idx FROM state_key")) == self.state
            assert dict(connection.all("SELECT name, value FROM recipient_counter")) == self.counts
            found = head(connection) or (0, EMPTY_ROOT, 0, -1)
        assert found[:2] == (len(kept), root_hash([leaf_hash(entry) for entry in kept]))
        assert found[3] == max(self.state.values(), default=-1)


def test_a_log_holds_together_whatever_happens(place, draft) -> None:
    made_of = {"make": staticmethod(type(place)), "draft": staticmethod(draft)}
    run_state_machine_as_test(type("Machine", (LogMachine,), made_of), settings=SMALL)
