"""The key that signs access tokens: made once, whole or not at all, and for its owner's eyes only."""

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from bank_app.settings import SettingsError, load


def test_workers_that_start_at_once_sign_with_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load(data=tmp_path).signing_key, range(8)))
    assert len(keys) == 1
    assert len(keys.pop()) == 64


def test_only_its_owner_reads_it_and_nothing_else_is_left(tmp_path):
    assert load(data=tmp_path / "new").signing_key == load(data=tmp_path / "new").signing_key
    [file] = (tmp_path / "new").iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("secret_key", 0o600)


def test_a_start_that_broke_off_leaves_no_empty_key(tmp_path, monkeypatch):
    def break_off(length):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "token_hex", break_off)
        with pytest.raises(KeyboardInterrupt):
            _ = load(data=tmp_path).signing_key
    assert len(load(data=tmp_path).signing_key) == 64


def test_an_empty_key_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "secret_key").touch()
    with pytest.raises(SettingsError, match="holds no key: remove it"):
        _ = load(data=tmp_path).signing_key
