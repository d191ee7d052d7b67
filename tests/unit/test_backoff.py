import pytest

from leaderboardapp.concurrency.backoff import backoff


@pytest.mark.parametrize("failures", [0, 1, 5, 1000])
def test_backoff_grows_to_its_limit_and_is_jittered(failures: int) -> None:
    delays = {backoff(failures) for _ in range(20)}
    most = min(5, 0.1 * 2**failures)
    assert all(most / 2 <= delay <= most for delay in delays)
    assert len(delays) > 1
