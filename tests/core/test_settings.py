import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_core.errors import ConfigError
from hca_core.records import ProfileSpec, SettingSpec
from hca_core.settings import HCAConfig, Settings, load
from hca_core.settings.layers import named_files, system_file

URL = "https://dss.example.org/v1/swagger.json"
SPECS = [
    SettingSpec("DSSClient.swagger_url", URL, "Which DSS."),
    SettingSpec("log_level", "INFO", "How much is logged."),
    SettingSpec("network.allow_http", False, "Allow http."),
    SettingSpec("network.proxy", None, "Proxy."),
    SettingSpec("network.read_timeout", 40.0, "Seconds."),
    SettingSpec("network.retries", 10, "Retries."),
    SettingSpec("mirrors", ["a", "b"], "A list."),
    SettingSpec("gate.word", None, "A secret.", secret=True),
]


class Machine:
    """The places that settings come from, all below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.system = root / "etc" / "config.json"
        self.user = root / "home" / ".config" / "hca" / "config.json"
        self.environ = {"HOME": str(root / "home")}

    def write(self, path: Path, data: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return path

    def named(self, *datas: Any) -> None:
        files = [self.write(self.root / f"named{index}.json", data) for index, data in enumerate(datas)]
        self.environ["HCA_CONFIG_FILE"] = os.pathsep.join(map(str, files))

    def load(self, **options: Any) -> Settings:
        return load(SPECS, environ=self.environ, system=self.system, **options)

    def config(self, **options: Any) -> HCAConfig:
        return HCAConfig(SPECS, environ=self.environ, system=self.system, **options)

    def snapshot(self) -> dict[str, bytes | None]:
        return {str(path): path.read_bytes() if path.is_file() else None for path in self.root.rglob("*")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# layers


def test_defaults_hold_when_there_is_nothing_else(machine: Machine) -> None:
    settings = machine.load()
    assert settings.value("DSSClient.swagger_url") == URL
    assert settings["DSSClient"].swagger_url == URL
    assert settings.value("network.proxy") is None
    assert settings.value("nobody.knows") is None
    assert settings.origin("log_level") == "default"
    assert settings.origin("nobody.knows") == "not set"


def test_the_last_layer_wins(machine: Machine) -> None:
    add: list[tuple[str, Callable[[], object]]] = [
        ("SYSTEM", lambda: machine.write(machine.system, {"log_level": "SYSTEM"})),
        (
            "USER",
            lambda: machine.write(machine.user, {"log_level": "USER", "profiles": {"p": {"log_level": "PROFILE"}}}),
        ),
        ("SECOND", lambda: machine.named({"log_level": "FIRST"}, {"log_level": "SECOND"})),
        ("PROFILE", lambda: machine.environ.update(HCA_PROFILE="p")),
    ]
    for expected, act in add:
        act()
        assert machine.load().value("log_level") == expected
    assert machine.load(overrides={"log_level": "CALL"}).value("log_level") == "CALL"


def test_objects_merge_recursively_and_know_their_origin(machine: Machine) -> None:
    machine.write(machine.system, {"network": {"retries": 1, "read_timeout": 5}})
    machine.write(machine.user, {"network": {"retries": 2}, "profiles": {"p": {"network": {"proxy": "http://p:1"}}}})
    settings = machine.load(profile="p", overrides={"DSSClient.swagger_url": "https://x"})
    assert settings.value("network.read_timeout") == 5
    assert settings.value("network.retries") == 2
    assert settings.origin("network.read_timeout") == f"system file {machine.system}"
    assert settings.origin("network.retries") == f"user file {machine.user}"
    assert settings.origin("network.proxy") == f"profile p of user file {machine.user}"
    assert settings.origin("DSSClient.swagger_url") == "command line or argument"
    assert settings.value("DSSClient.swagger_url") == "https://x"
    assert settings.files == [machine.system, machine.user]


def test_xdg_config_home_moves_the_user_file(machine: Machine) -> None:
    machine.write(machine.user, {"log_level": "HOME"})
    machine.write(machine.root / "xdg" / "hca" / "config.json", {"log_level": "XDG"})
    assert machine.load().value("log_level") == "HOME"
    machine.environ["XDG_CONFIG_HOME"] = str(machine.root / "xdg")
    assert machine.load().value("log_level") == "XDG"


def test_config_file_variable_skips_empty_parts_and_expands_home(machine: Machine) -> None:
    machine.write(machine.root / "home" / "mine.json", {"log_level": "MINE"})
    machine.environ["HCA_CONFIG_FILE"] = f"{os.pathsep}~/mine.json{os.pathsep}"
    assert machine.load().value("log_level") == "MINE"


def test_config_file_variable_on_windows() -> None:
    assert named_files({"HCA_CONFIG_FILE": r"C:\x.json;D:\y.json"}, separator=";") == [
        Path(r"C:\x.json"),
        Path(r"D:\y.json"),
    ]


def test_system_file_by_platform() -> None:
    assert system_file({}, windows=False) == Path("/etc/hca/config.json")
    assert system_file({"PROGRAMDATA": "P"}, windows=True) == Path("P/hca/config.json")


def test_a_named_file_must_exist(machine: Machine) -> None:
    machine.environ["HCA_CONFIG_FILE"] = str(machine.root / "absent.json")
    with pytest.raises(ConfigError, match=r"absent\.json, named in HCA_CONFIG_FILE, does not exist"):
        machine.load()


def _system(machine: Machine, text: str) -> Path:
    return machine.write(machine.system, text)


def _user(machine: Machine, text: str) -> Path:
    return machine.write(machine.user, text)


def _named(machine: Machine, text: str) -> Path:
    machine.named({}, text)
    return machine.root / "named1.json"


@pytest.mark.parametrize("place", [_system, _user, _named])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,\n  "b" 2}', ":2:7: this is not JSON"),
        ("", ":1:1: this is not JSON"),
        ("[1]", "must contain a JSON object"),
        ('{"a": NaN}', "NaN is not a number in JSON"),
        ('{"a": ' + "9" * 5000 + "}", "is not JSON that can be used"),
        ('{"profiles": {"p": 1}}', "must be an object of objects"),
    ],
)
def test_every_bad_file_is_named(
    machine: Machine, place: Callable[[Machine, str], Path], text: str, words: str
) -> None:
    file = place(machine, text)
    with pytest.raises(ConfigError) as caught:
        machine.load()
    assert words in caught.value.message
    assert str(file) in caught.value.message
    assert caught.value.file == str(file)


@pytest.mark.parametrize("place", [_system, _user, _named])
def test_a_directory_is_not_a_file_of_settings(machine: Machine, place: Callable[[Machine, str], Path]) -> None:
    file = place(machine, "{}")
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigError, match="cannot be read: it is a directory"):
        machine.load()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may read everything")
def test_an_unreadable_file_is_reported(machine: Machine) -> None:
    machine.write(machine.user, {}).chmod(0)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        machine.load()


def test_encodings(machine: Machine) -> None:
    machine.write(machine.user, "").write_bytes(b'\xef\xbb\xbf{"log_level": "DEBUG"}')
    assert machine.load().value("log_level") == "DEBUG"
    machine.user.write_bytes(b'{"log_level": "\xff"}')
    with pytest.raises(ConfigError, match=r"not UTF-8 text \(byte 15\)"):
        machine.load()


# profiles


def test_an_unknown_profile_is_never_the_default(machine: Machine) -> None:
    machine.write(machine.user, {"profiles": {"staging": {}}})
    offered = [ProfileSpec("local", "A local stack.", {})]
    with pytest.raises(ConfigError, match="no settings profile 'stagging'") as caught:
        machine.load(profile="stagging", profiles=offered)
    assert caught.value.hint == "Known profiles: local, staging."


def test_a_plugin_offers_a_profile(machine: Machine) -> None:
    offered = [ProfileSpec("local", "A local stack.", {"network.allow_http": True, "DSSClient": {"swagger_url": "u"}})]
    settings = machine.load(profile="local", profiles=offered)
    assert settings.value("network.allow_http") is True
    assert settings.value("DSSClient.swagger_url") == "u"
    assert settings.origin("DSSClient.swagger_url") == "profile local"
    assert machine.load(profiles=offered).value("network.allow_http") is False


def test_a_profile_that_is_not_there_yet(machine: Machine) -> None:
    offered = [ProfileSpec("local", "A local stack.", None, hint="Start it."), ProfileSpec("x", "Another.", None)]
    with pytest.raises(ConfigError, match="There is no settings profile 'local' at the moment.") as caught:
        machine.load(profile="local", profiles=offered)
    assert caught.value.hint == "Start it."
    for unknown in ("x", "y"):
        with pytest.raises(ConfigError) as caught:
            machine.load(profile=unknown, profiles=offered)
        assert caught.value.hint == "No profiles are defined; add them as `profiles.NAME.KEY`."
    machine.write(machine.user, {"profiles": {"local": {"log_level": "DEBUG"}}})
    settings = machine.load(profile="local", profiles=offered)
    assert (settings.value("log_level"), settings.profile_names()) == ("DEBUG", ["local"])
    settings.check()


def test_array_operators_in_a_profile_apply_when_it_is_chosen(machine: Machine) -> None:
    machine.write(machine.user, {"profiles": {"p": {"mirrors": {"$append": "c"}}}})
    assert machine.load().value("mirrors") == ["a", "b"]
    assert machine.load(profile="p").value("mirrors") == ["a", "b", "c"]


# array operators


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ({"$append": "c"}, ["a", "b", "c"]),
        ({"$extend": ["c", "d"]}, ["a", "b", "c", "d"]),
        ({"$extendleft": ["c", "d"]}, ["c", "d", "a", "b"]),
        ({"$insert": {"1": "c"}}, ["a", "c", "b"]),
        ({"$insert": {"0": "c", "-1": "d"}}, ["c", "a", "d", "b"]),
        ({"$remove": "a"}, ["b"]),
    ],
)
def test_array_operators_change_the_list_of_a_weaker_layer(
    machine: Machine, operator: Any, expected: list[str]
) -> None:
    machine.write(machine.user, {"mirrors": operator})
    settings = machine.load()
    assert settings.value("mirrors") == expected
    assert settings.origin("mirrors") == f"default + user file {machine.user}"
    assert SPECS[6].default == ["a", "b"]


def test_array_operators_work_across_all_layers(machine: Machine) -> None:
    machine.write(machine.system, {"mirrors": ["x"]})
    machine.write(machine.user, {"mirrors": {"$append": "y"}})
    machine.named({"mirrors": {"$insert": {"0": "w"}}}, {"mirrors": {"$remove": "x"}})
    settings = machine.load(overrides={"mirrors": {"$extend": ["z"]}})
    assert settings.value("mirrors") == ["w", "y", "z"]
    assert settings.origin("mirrors").count(" + ") == 4


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"absent": {"$append": 1}}, "absent in FILE uses $append, but there is no list"),
        ({"log_level": {"$append": 1}}, "log_level in FILE uses $append, but there is no list"),
        ({"deep": {"list": {"$remove": 1}}}, "deep.list in FILE uses $remove, but there is no list"),
        ({"mirrors": {"$remove": "zzz"}}, "mirrors in FILE uses $remove with a value that is not in the list"),
        ({"mirrors": {"$insert": ["c"]}}, "uses $insert without positions"),
        ({"mirrors": {"$insert": {"first": "c"}}}, "uses $insert without positions"),
        ({"mirrors": {"$extend": "cd"}}, "uses $extend with text; it needs a list"),
        ({"mirrors": {"$append": "c", "$remove": "a"}}, "must be alone"),
        ({"mirrors": {"$apend": "c"}}, "uses $apend, which is no array operator"),
        ({"log_level": {"a": 1}}, "log_level in FILE is an object, but it was text before"),
        ({"mirrors": {"a": 1}}, "mirrors in FILE is an object, but it was a list before"),
    ],
)
def test_mistakes_name_file_and_key(machine: Machine, data: Any, words: str) -> None:
    machine.write(machine.user, data)
    with pytest.raises(ConfigError) as caught:
        machine.load()
    assert words.replace("FILE", f"user file {machine.user}") in caught.value.message
    assert caught.value.file == str(machine.user)


# types


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("log_level", 5, "must be text, not 5"),
        ("log_level", None, "must be text, not null"),
        ("network.retries", "3", 'must be a whole number, not "3"'),
        ("network.retries", True, "must be a whole number, not true"),
        ("network.retries", 1.5, "must be a whole number, not 1.5"),
        ("network.read_timeout", "fast", "must be a number"),
        ("network.read_timeout", False, "must be a number"),
        ("network.allow_http", 1, "must be true or false, not 1"),
        ("mirrors", "a", "must be a list"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_when_used(machine: Machine, key: str, value: Any, wanted: str) -> None:
    machine.named(_nested(key, value))
    settings = machine.load()
    with pytest.raises(ConfigError) as caught:
        settings.value(key)
    assert f"{key} {wanted}" in caught.value.message
    assert f"(HCA_CONFIG_FILE {machine.root / 'named0.json'})" in caught.value.message
    with pytest.raises(ConfigError):
        settings.check()


def test_a_section_must_be_an_object(machine: Machine) -> None:
    machine.write(machine.user, {"network": 5})
    with pytest.raises(ConfigError, match="network must be an object, not 5"):
        machine.load().value("network.retries")


def test_a_whole_number_is_a_number_too(machine: Machine) -> None:
    machine.write(machine.user, {"network": {"read_timeout": 5}})
    assert machine.load().value("network.read_timeout") == 5


def test_check_looks_into_every_profile(machine: Machine) -> None:
    machine.write(machine.user, {"profiles": {"good": {}, "bad": {"log_level": 5}}})
    settings = machine.load()
    assert settings.value("log_level") == "INFO"
    with pytest.raises(ConfigError, match=r"log_level must be text.*profile bad"):
        settings.check()


def _nested(key: str, value: Any) -> dict[str, Any]:
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


# listing


def test_entries_list_what_is_known_and_what_is_set(machine: Machine) -> None:
    machine.write(machine.user, {"DSSClient": {"swager_url": "x"}})
    entries = {entry.key: entry for entry in machine.load().entries()}
    assert entries.keys() == {spec.key for spec in SPECS} | {"DSSClient.swager_url"}
    assert entries["DSSClient.swager_url"].origin == f"user file {machine.user}"
    assert list(entries) == sorted(entries)


def test_unknown_keys_come_with_the_nearest_known_one(machine: Machine) -> None:
    machine.write(
        machine.user,
        {
            "DSSClient": {"swager_url": "x", "swagger_url": "y"},
            "zzz": 1,
            "oauth2_token": {"access_token": "t"},
            "profiles": {"p": {"log_levle": "x", "log_level": "y"}},
        },
    )
    assert machine.load().unknown() == {
        "DSSClient.swager_url": "DSSClient.swagger_url",
        "profiles.p.log_levle": "log_level",
        "zzz": None,
    }


def test_secrets_are_never_shown(machine: Machine) -> None:
    secret = "s3cr3t"
    data = {
        "gate": {"word": secret},
        "oauth2_token": {"access_token": secret},
        "robots": [{"password": secret}],
        "network": {"proxy": f"http://me:{secret}@proxy:3128"},
    }
    machine.write(machine.user, data)
    settings, config = machine.load(), machine.config()
    shown = [settings, settings.entries(), {entry.key: entry.shown for entry in settings.entries()}, config]
    assert secret not in repr([*shown, settings["gate"], config["oauth2_token"]])
    assert {entry.key for entry in settings.entries() if entry.secret} == {
        "gate.word",
        "network.proxy",
        "oauth2_token.access_token",
        "robots",
    }
    assert settings.value("gate.word") == secret


def test_a_secret_of_the_wrong_type_is_not_in_the_error(machine: Machine) -> None:
    specs = [SettingSpec("gate.word", "", "A secret.", secret=True)]
    machine.write(machine.user, {"gate": {"word": ["s3cr3t"]}})
    with pytest.raises(ConfigError) as caught:
        load(specs, environ=machine.environ, system=machine.system).value("gate.word")
    assert "s3cr3t" not in caught.value.message


# the user's file


def test_reading_writes_nothing(machine: Machine) -> None:
    machine.write(machine.system, {"log_level": "SYSTEM"})
    machine.named({"log_level": "NAMED"})
    before = machine.snapshot()
    settings, config = machine.load(), machine.config(save_on_exit=True)
    settings.entries()
    settings.unknown()
    settings.check()
    config["DSSClient"].swagger_url = "https://changed"
    del settings, config
    assert machine.snapshot() == before


def test_the_end_of_a_program_writes_nothing(machine: Machine) -> None:
    code = "from hca_core.settings import HCAConfig; c = HCAConfig(save_on_exit=True); c['DSSClient'].swagger_url = 'x'"
    (machine.root / "home").mkdir()
    subprocess.run([sys.executable, "-c", code], env=os.environ | machine.environ, check=True)
    assert list((machine.root / "home").rglob("*")) == []


def test_set_changes_one_key_of_the_user_file_only(machine: Machine) -> None:
    machine.write(machine.user, {"network": {"retries": 3}, "mine": [1]})
    machine.named({"log_level": "NAMED"})
    named = (machine.root / "named0.json").read_bytes()
    machine.load().set_user("network.proxy", "http://p:1")
    assert json.loads(machine.user.read_text()) == {"network": {"retries": 3, "proxy": "http://p:1"}, "mine": [1]}
    assert (machine.root / "named0.json").read_bytes() == named
    assert machine.load().value("network.proxy") == "http://p:1"


def test_a_value_replaces_an_equal_one_of_another_type(machine: Machine) -> None:
    machine.write(machine.user, {"network": {"allow_http": 1}})
    machine.load().set_user("network.allow_http", True)
    assert machine.load().value("network.allow_http") is True


def test_a_wrong_value_can_be_corrected_or_removed(machine: Machine) -> None:
    machine.write(machine.user, {"network": {"retries": "many"}})
    machine.load().set_user("network.retries", 3)
    assert machine.load().value("network.retries") == 3
    machine.load().unset_user("network.retries")
    assert json.loads(machine.user.read_text()) == {}


@pytest.mark.skipif(os.name != "posix", reason="permissions are a matter of POSIX")
def test_the_user_file_is_private(machine: Machine) -> None:
    machine.load().set_user("log_level", "DEBUG")
    assert stat.S_IMODE(machine.user.stat().st_mode) == 0o600
    assert stat.S_IMODE(machine.user.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("log_level", 5),
        ("log_level.deeper", "x"),
        ("DSSClient", "https://x"),
        ("DSSClient", {"swagger_url": 5}),
        ("mirrors", {"$remove": "zzz"}),
        ("profiles.p.log_level", 5),
        ("profiles.p", {"log_level": "DEBUG"}),
        ("profiles", {}),
        ("mine.name", "x"),
        ("a..b", "x"),
        ("", "x"),
        ("new", {1, 2}),
        ("new", float("inf")),
    ],
)
def test_set_refuses_what_cannot_be_used(machine: Machine, key: str, value: Any) -> None:
    machine.write(machine.user, {"mine": 1})
    with pytest.raises(ConfigError):
        machine.load().set_user(key, value)
    assert machine.user.read_text() == '{"mine": 1}'


def test_an_operator_in_the_user_file_is_checked_against_weaker_layers(machine: Machine) -> None:
    machine.write(machine.user, {"mirrors": ["mine"]})
    with pytest.raises(ConfigError, match="not in the list"):
        machine.load().set_user("mirrors", {"$remove": "mine"})
    machine.load().set_user("mirrors", {"$remove": "a"})
    assert machine.load().value("mirrors") == ["b"]


def test_set_in_a_profile(machine: Machine) -> None:
    machine.load().set_user("profiles.p.log_level", "DEBUG")
    assert machine.load().value("log_level") == "INFO"
    assert machine.load(profile="p").value("log_level") == "DEBUG"


def test_unset_says_when_there_is_nothing(machine: Machine) -> None:
    machine.write(machine.system, {"log_level": "SYSTEM"})
    with pytest.raises(ConfigError, match="log_level is not set in") as caught:
        machine.load().unset_user("log_level")
    assert caught.value.hint == f"Its value comes from: system file {machine.system}."
    assert not machine.user.exists()


def test_unset_keeps_the_neighbours(machine: Machine) -> None:
    machine.write(machine.user, {"network": {"retries": 3, "proxy": "p"}})
    machine.load().unset_user("network.retries")
    assert json.loads(machine.user.read_text()) == {"network": {"proxy": "p"}}


def test_init_makes_an_empty_file_once(machine: Machine) -> None:
    assert machine.load().init_user() == machine.user
    assert json.loads(machine.user.read_text()) == {}
    machine.write(machine.user, '{"log_level":   "DEBUG"}')
    machine.load().init_user()
    assert machine.user.read_text() == '{"log_level":   "DEBUG"}'


def test_a_corrupt_user_file_is_never_overwritten(machine: Machine) -> None:
    settings, config = machine.load(), machine.config()
    config["DSSClient"].swagger_url = "https://changed"
    machine.write(machine.user, '{"oauth2_token": ')
    for change in (
        lambda: settings.set_user("log_level", "DEBUG"),
        lambda: settings.unset_user("log_level"),
        settings.init_user,
        config.save,
    ):
        with pytest.raises(ConfigError, match=r"config\.json:1:18: this is not JSON"):
            change()
    assert machine.user.read_text() == '{"oauth2_token": '


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_linked_user_file_stays_a_link(machine: Machine) -> None:
    target = machine.write(machine.root / "dotfiles" / "hca.json", {"mine": 1})
    machine.user.parent.mkdir(parents=True)
    machine.user.symlink_to(target)
    machine.load().set_user("log_level", "DEBUG")
    assert machine.user.is_symlink()
    assert json.loads(target.read_text()) == {"mine": 1, "log_level": "DEBUG"}


def test_a_folder_that_cannot_be_made_is_reported(machine: Machine) -> None:
    machine.write(machine.root / "home" / ".config", "a file where a folder should be")
    with pytest.raises(ConfigError, match="cannot be written"):
        machine.load().set_user("log_level", "DEBUG")


WRITER = """
import sys
from hca_core.settings import load
settings = load([], environ={"HOME": sys.argv[1]})
for number in range(40):
    settings.set_user(f"{sys.argv[2]}.key{number}", "x" * 500)
"""


def test_writers_lose_nothing_and_readers_see_whole_files(machine: Machine) -> None:
    home = machine.environ["HOME"]
    names = ["one", "two", "three", "four"]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, home, name]) for name in names]
    reads, largest = 0, 0
    while any(writer.poll() is None for writer in writers):
        found = len(machine.load().entries())
        assert found >= largest
        reads, largest = reads + 1, found
    assert [writer.wait() for writer in writers] == [0] * 4
    assert reads > 10
    written = json.loads(machine.user.read_text())
    assert {name: len(values) for name, values in written.items()} == dict.fromkeys(names, 40)


# the Python object


def test_documented_use(machine: Machine) -> None:
    config = machine.config()
    config["DSSClient"].swagger_url = "https://dss.example.com/v1/swagger.json"
    settings = machine.load(overrides=config)
    assert settings.value("DSSClient.swagger_url") == "https://dss.example.com/v1/swagger.json"
    assert config.value("DSSClient.swagger_url") == "https://dss.example.com/v1/swagger.json"
    assert config.origin("DSSClient.swagger_url") == "this config object"
    assert not machine.user.exists()


def test_every_way_to_assign(machine: Machine) -> None:
    config = machine.config()
    config.log_level = "DEBUG"
    config["network"]["retries"] = 1
    config.network.proxy = "http://p:1"
    config["upload"] = {"areas": {"one": {"uri": "u"}}}
    config.upload.areas.one.uri = "changed"
    config["NewClient"].swagger_url = "https://new"
    config["OtherClient"]["deep"] = {"er": 1}
    config["OtherClient"].deep.er = 2
    assert config.changes() == {
        "log_level": "DEBUG",
        "network": {"retries": 1, "proxy": "http://p:1"},
        "upload": {"areas": {"one": {"uri": "changed"}}},
        "NewClient": {"swagger_url": "https://new"},
        "OtherClient": {"deep": {"er": 2}},
    }


def test_asking_for_a_section_does_not_make_it(machine: Machine) -> None:
    config = machine.config()
    assert len(config["NewClient"]) == 0
    assert "NewClient" not in config
    assert config.get("NewClient") is None
    assert not hasattr(config, "NewClient")
    with pytest.raises(AttributeError):
        _ = config["NewClient"].swagger_url


def test_two_assignments_to_a_new_section_both_count(machine: Machine) -> None:
    config = machine.config()
    section = config["NewClient"]
    section.one = 1
    section.two = 2
    assert dict(config["NewClient"]) == {"one": 1, "two": 2}


def test_two_handles_of_a_new_section_both_count(machine: Machine) -> None:
    config = machine.config()
    one, two = config["NewClient"], config["NewClient"]
    one.one = 1
    two.two = 2
    assert dict(config["NewClient"]) == {"one": 1, "two": 2}


def test_a_list_changed_in_place_is_a_change(machine: Machine) -> None:
    config = machine.config()
    config.mirrors.append("c")
    assert config.changes() == {"mirrors": ["a", "b", "c"]}
    assert SPECS[6].default == ["a", "b"]


def test_save_writes_only_the_differences(machine: Machine) -> None:
    machine.write(machine.system, {"network": {"retries": 1}})
    machine.write(machine.user, {"mine": 1, "old": {"a": 1, "b": 2}})
    machine.named({"network": {"proxy": "http://p:1"}})
    config = machine.config()
    config["DSSClient"].swagger_url = "https://changed"
    del config["old"]["a"]
    machine.load().set_user("meanwhile", True)
    config.save()
    assert json.loads(machine.user.read_text()) == {
        "mine": 1,
        "old": {"b": 2},
        "meanwhile": True,
        "DSSClient": {"swagger_url": "https://changed"},
    }
    assert config.changes() == {}


def test_save_without_changes_writes_nothing(machine: Machine) -> None:
    machine.config().save()
    assert machine.snapshot() == {}


def test_autosave_saves_assignments(machine: Machine) -> None:
    config = machine.config(autosave=True)
    assert not machine.user.exists()
    config["DSSClient"].swagger_url = "https://changed"
    config["NewClient"].swagger_url = "https://new"
    assert json.loads(machine.user.read_text()) == {
        "DSSClient": {"swagger_url": "https://changed"},
        "NewClient": {"swagger_url": "https://new"},
    }


def test_update_merges_and_reports_mistakes(machine: Machine) -> None:
    config = machine.config()
    config.update({"mirrors": {"$append": "c"}, "network": {"retries": 1}})
    assert config.changes() == {"mirrors": ["a", "b", "c"], "network": {"retries": 1}}
    with pytest.raises(ConfigError):
        config.update({"absent": {"$append": "c"}})


def test_a_config_object_brings_its_profile(machine: Machine) -> None:
    machine.write(machine.user, {"profiles": {"p": {"log_level": "P"}, "q": {"log_level": "Q"}}})
    config = machine.config(profile="p")
    assert config.log_level == "P"
    assert machine.load(overrides=config).value("log_level") == "P"
    assert machine.load(overrides=config, profile="q").value("log_level") == "Q"
