import time
from typing import Any


def test_a_store_that_was_ensured_has_no_faults_and_a_clock(store: Any) -> None:
    before = time.time()
    faults, clock = store.examine()
    assert faults == []
    assert before - 5 <= clock <= time.time() + 5  # one machine's, read by two programs
