"""One Chromium for all tests of this folder."""

from tests.browser.conftest import chromium as chromium
from tests.browser.conftest import network as network
from tests.browser.conftest import screenshots as screenshots
