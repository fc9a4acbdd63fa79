"""Parameters: the schema decides first, then suspicion."""

import pytest
from pydantic import JsonValue

from consumer.domain.redaction import Redactor, Scope

MARKED = "Zq7!planted"


@pytest.fixture
def scope() -> Scope:
    return Redactor(b"k" * 32).scope("tenant", "session")


def schema(*entries: JsonValue) -> dict[str, JsonValue]:
    return {"parameters": list(entries)}


@pytest.mark.parametrize("naming", ["key", "variable_name"])
@pytest.mark.parametrize(
    "mark", [{"field_type": "password"}, {"sensitive": True}, {"field_type": "text", "sensitive": True}]
)
@pytest.mark.parametrize("value", [MARKED, 12345678, True, 1.5, ["a", MARKED], {"inner": {"deep": MARKED}}])
def test_a_marked_parameter_is_replaced_whole(
    scope: Scope, naming: str, mark: dict[str, JsonValue], value: JsonValue
) -> None:
    used = scope.parameters(schema({naming: "thing", **mark}), {"thing": value, "other": "plain"})
    assert isinstance(used, dict)
    assert str(used["thing"]).startswith("[REDACTED:")
    assert used["other"] == "plain"
    assert MARKED not in str(used)


def test_an_empty_marked_value_hides_nothing_and_stays(scope: Scope) -> None:
    assert scope.parameters(schema({"key": "a", "sensitive": True}), {"a": None}) == {"a": None}
    assert scope.parameters(schema({"key": "a", "sensitive": True}), {"a": ""}) == {"a": ""}


def test_of_two_entries_for_one_name_the_mark_wins(scope: Scope) -> None:
    both = schema({"key": "a", "field_type": "text"}, {"variable_name": "a", "field_type": "password"})
    assert MARKED not in str(scope.parameters(both, {"a": MARKED}))


def test_names_are_compared_without_case_and_dollar(scope: Scope) -> None:
    marked = schema({"variable_name": "$AdminThing", "field_type": "Password"})
    assert scope.parameters(marked, {"adminthing": "bluebird"}) != {"adminthing": "bluebird"}


def test_an_entry_that_marks_nothing_clears_the_name_of_suspicion(scope: Scope) -> None:
    assert scope.parameters(schema({"key": "password", "field_type": "text"}), {"password": "bluebird"}) == {
        "password": "bluebird"
    }


@pytest.mark.parametrize(
    "malformed",
    [None, 7, "text", [], {}, {"parameters": None}, {"parameters": {"key": "password"}}, {"parameters": [None]},
     {"parameters": [{"key": 5}]}, {"parameters": [{"key": "password", "field_type": []}]},
     {"parameters": [{"key": "password", "field_type": "text"}, "torn"]}],
)  # fmt: skip
def test_a_malformed_schema_clears_nobody(scope: Scope, malformed: JsonValue) -> None:
    used = scope.parameters(malformed, {"password": MARKED, "path": "C:\\Windows"})
    assert MARKED not in str(used)
    assert isinstance(used, dict)
    assert used["path"] == "C:\\Windows"


def test_what_a_malformed_schema_marks_is_secret_nonetheless(scope: Scope) -> None:
    torn = schema("torn", {"key": "colour", "sensitive": True})
    assert scope.parameters(torn, {"colour": "bluebird"}) != {"colour": "bluebird"}


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "adminPassword", "admin_pwd", "svc_pw", "client_secret", "clientSecret", "api_key",
     "apiKey", "APIKEY", "access_token", "Credential", "passphrase", "wifi_key", "pre_shared_key", "NewPassword",
     "password2", "user_pin", "recovery_code", "sqlpassword", "Kennwort", "mot_de_passe", "temp password"],
)  # fmt: skip
def test_a_name_raises_suspicion(scope: Scope, name: str) -> None:
    used = scope.parameters(None, {name: "bluebird77"})
    assert "bluebird77" not in str(used)


@pytest.mark.parametrize(
    "name",
    ["password_length", "token_expiry", "key_vault_name", "product", "compass", "PasswordNeverExpires", "pinned",
     "keyboard", "secretary", "author", "key", "registry_key", "bypass", "token_type", "spin", "monkey"],
)  # fmt: skip
def test_a_harmless_name_raises_none(scope: Scope, name: str) -> None:
    assert scope.parameters(None, {name: "bluebird77"}) == {name: "bluebird77"}


@pytest.mark.parametrize(
    "value", ["$password", "%PASS%", "{{password}}", "********", "<password>", "", None, True, False]
)
def test_a_stand_in_is_no_secret(scope: Scope, value: JsonValue) -> None:
    assert scope.parameters(None, {"password": value}) == {"password": value}


def test_suspicion_reaches_nested_values(scope: Scope) -> None:
    used = scope.parameters(
        None,
        {
            "login": {"user": "svc", "password": MARKED},
            "passwords": ["bluebird1", "bluebird2"],
            "secret": {"value": "bluebird3"},
        },
    )
    text = str(used)
    assert "svc" in text
    assert "bluebird" not in text
    assert MARKED not in text


def test_the_shape_of_a_value_raises_suspicion(scope: Scope) -> None:
    used = scope.parameters(None, {"thing": "Vinst-7-1234!", "mail": "a1b2c3@example.com", "path": "C:\\$R2\\x1"})
    assert used == {"thing": used["thing"], "mail": "a1b2c3@example.com", "path": "C:\\$R2\\x1"}  # type: ignore[index,call-overload]
    assert "Vinst" not in str(used)


def test_a_pair_is_obeyed_at_any_depth(scope: Scope) -> None:
    script: JsonValue = {
        "template": {"parameters_schema": schema({"key": "colour", "field_type": "password", "default": "bluebird9"})},
        "parameters_used": {"colour": "redwing7"},
    }
    beside: JsonValue = {
        "parameters_schema": schema({"key": "tint", "sensitive": True}),
        "parameters_used": {"tint": "grebe88"},
    }
    text = str(scope.json_value({"a": [{"scripts": [script]}, beside]}))
    assert "redwing7" not in text
    assert "grebe88" not in text
    assert "bluebird9" not in text


def test_depth_and_shape_never_raise(scope: Scope) -> None:
    value: JsonValue = MARKED
    for _ in range(500):
        value = {"password": [value]}
    assert MARKED not in str(scope.json_value(value))
    assert MARKED not in str(scope.parameters({"parameters": [{"key": "password", "sensitive": True}]}, value))


@pytest.mark.parametrize("name", ["password", "colour"])
def test_deep_values_are_cut_off_and_never_raise(scope: Scope, name: str) -> None:
    value: JsonValue = MARKED
    for _ in range(900):
        value = [value]
    cleared = schema({"key": name, "field_type": "text"})
    assert MARKED not in str(scope.parameters(cleared, {name: value}))
    assert MARKED not in str(scope.parameters(None, {name: value}))


def test_what_is_redacted_already_stays(scope: Scope) -> None:
    marks = schema({"key": "colour", "sensitive": True})
    once = scope.parameters(marks, {"colour": "bluebird", "password": "redwing77"})
    assert scope.parameters(marks, once) == once


def test_parameters_that_are_no_object_are_walked(scope: Scope) -> None:
    assert MARKED not in str(scope.parameters(None, [{"password": MARKED}]))
