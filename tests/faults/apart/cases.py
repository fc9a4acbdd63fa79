"""A case for each page and each command: asked for one tenant.

What serves all tenants together has no case, and a reason.
"""

import json
from collections.abc import Callable
from urllib.parse import urlencode

from tests.faults.apart.twins import ACTING, SESSION, Twins

Case = Callable[[Twins], object]
ALL = "shows all tenants, to whoever runs the service"
MINE = urlencode({"tenant": ACTING})
KEYED = urlencode({"tenant": ACTING, "session": SESSION, "request": "r1"})


def page(path: str, query: str = MINE) -> Case:
    return lambda twins: twins.page(f"{path}?{query}")


def of_package(path: str, more: str = "") -> Case:
    return lambda twins: twins.page(f"{path}?id={twins.package_id(ACTING)}{more}")


def page_of_second_revision(twins: Twins) -> str:
    return twins.page(f"/package/difference?id={twins.package_id(ACTING, revision=2)}")


def cancel_plan(twins: Twins) -> str:
    planned = json.loads(twins.command("replay", "plan", "--tenant", ACTING, "--json"))["replay_id"]
    return twins.command("replay", "cancel", planned)


def of_plan(path: str, more: str = "") -> Case:
    return lambda twins: twins.page(f"{path}?id={twins.kept[f'plan of {ACTING}']}{more}")


def command(*arguments: str, code: int = 0) -> Case:
    """`{package}` and `{plan}` stand for those of the tenant."""

    def called(twins: Twins) -> str:
        known = {
            "{package}": twins.package_id(ACTING),
            "{second package}": twins.package_id(ACTING, revision=2),
            "{plan}": twins.kept[f"plan of {ACTING}"],
        }
        return twins.command(*(known.get(each, each) for each in arguments), code=code)

    return called


def all_orders(twins: Twins) -> str:
    """The list reads by another index for each order and state."""
    wanted = [
        {"tenant": ACTING, **{name: value for name, value in more.items() if value}}
        for order in ("", "newest", "oldest")
        for more in ({"order": order}, {"order": order, "status": "ready"}, {"order": order, "state": "open"})
    ]
    return "".join(twins.page(f"/requests?{urlencode(query)}") for query in wanted)


def plan_here(twins: Twins) -> str:
    return twins.act("/replays", "/replays/plan", tenant=ACTING, rejected="yes")


def preview_letters(twins: Twins) -> str:
    return twins.page(f"/dead-letters/preview?{urlencode({'action': 'redrive', 'tenant': ACTING})}")


def redrive_by_page(twins: Twins) -> str:
    preview = f"/dead-letters/preview?{urlencode({'action': 'redrive', 'tenant': ACTING})}"
    where = twins.act(preview, "/dead-letters/submit")
    twins.kept["job"] = where.partition("id=")[2].partition("<")[0]
    return where


def show_job(twins: Twins) -> str:
    return twins.page(f"/dead-letters/job?id={twins.kept['job']}")


def stop_job(twins: Twins) -> str:
    return twins.act(f"/dead-letters/job?id={twins.kept['job']}", "/dead-letters/stop")


def preview_apply(twins: Twins) -> str:
    return twins.page(f"/replay/preview?id={twins.kept[f'plan of {ACTING}']}&model=configured&publish=yes")


def preview_policy(twins: Twins) -> str:
    return twins.page(f"/tenants/preview?{MINE}&model=off&language=de")


def set_policy(twins: Twins) -> str:
    return twins.act(f"/tenants/preview?{MINE}&model=on&language=de", "/tenants/set")


def spending(twins: Twins) -> str:
    return "".join(twins.command("spend", "--tenant", ACTING, *more) for more in ((), ("--by-day",), ("--dearest",)))


def listing_letters(twins: Twins) -> str:
    """As a list, and counted by each trait."""
    listed = twins.command("dead-letters", "list", "--tenant", ACTING)
    return listed + "".join(
        twins.command("dead-letters", "list", "--tenant", ACTING, "--by", trait)
        for trait in ("reason", "topic", "tenant", "source")
    )


PAGES: dict[tuple[str, str], Case | str] = {
    ("GET", "/"): ALL,
    ("GET", "/requests"): all_orders,
    ("GET", "/request"): page("/request", KEYED),
    ("GET", "/sessions"): page("/sessions"),
    ("GET", "/session"): page("/session", KEYED),
    ("GET", "/search"): ALL,
    ("GET", "/dead-letters"): page("/dead-letters"),
    ("GET", "/dead-letters/preview"): preview_letters,
    ("POST", "/dead-letters/submit"): redrive_by_page,
    ("GET", "/dead-letters/job"): show_job,
    ("POST", "/dead-letters/stop"): stop_job,
    ("GET", "/replays"): ALL,
    ("POST", "/replays/plan"): plan_here,
    ("GET", "/replay"): of_plan("/replay"),
    ("GET", "/replay/preview"): preview_apply,
    ("POST", "/replay/apply"): "as the command `replay apply`, which is a case",
    ("POST", "/replay/stop"): "as `replay apply`, interrupted",
    ("POST", "/replay/cancel"): "as the command `replay cancel`, which is a case",
    ("GET", "/spend"): page("/spend"),
    ("GET", "/feedback"): page("/feedback"),
    ("GET", "/tenants"): page("/tenants"),
    ("GET", "/tenants/preview"): preview_policy,
    ("POST", "/tenants/set"): set_policy,
    ("GET", "/package"): of_package("/package"),
    ("GET", "/package/copy"): of_package("/package/copy", "&form=markdown"),
    ("GET", "/package/difference"): page_of_second_revision,
    ("GET", "/sign-in"): "who signs in sees no tenant",
    ("POST", "/sign-in"): "who signs in sees no tenant",
    ("POST", "/sign-out"): "who signs out sees no tenant",
}

COMMANDS: dict[str, Case | str] = {
    "bundle": command("bundle", SESSION, "--tenant", ACTING),
    "dead-letters jobs": ALL,
    "dead-letters list": listing_letters,
    "dead-letters purge": command("dead-letters", "purge", "--tenant", ACTING, "--yes"),
    "dead-letters redrive": command("dead-letters", "redrive", "--tenant", ACTING, "--dry-run"),
    "dead-letters show": "names a place on a topic, and no tenant",
    "dead-letters stop": "names a job, and no tenant",
    "demo": "starts servers of its own",
    "doctor": "reads no tenant's rows",
    "draft": command("draft", SESSION, "--tenant", ACTING, "--rules"),
    "evaluate": "reads files",
    "export": command("export", "--tenant", ACTING),
    "feedback list": command("feedback", "list", "--tenant", ACTING),
    "feedback summary": command("feedback", "summary", "--tenant", ACTING, "--by", "tenant"),
    "feedback unposted": command("feedback", "unposted", "--tenant", ACTING, "--minutes", "0"),
    "load": "sends records, which are cases of their own",
    "outbox": ALL,
    "package diff": command("package", "diff", "{second package}"),
    "package list": command("package", "list", "--tenant", ACTING),
    "package show": command("package", "show", "{package}"),
    "prepare": "makes tables and topics",
    "rebuild": "makes the whole store anew",
    "replay apply": command("replay", "apply", "{plan}", "--publish"),
    "replay cancel": cancel_plan,
    "replay diff": command("replay", "diff", "{plan}"),
    "replay plan": command("replay", "plan", "--tenant", ACTING, "--rejected"),
    "replay status": command("replay", "status", "{plan}"),
    "request list": command("request", "list", "--tenant", ACTING, "--order", "oldest"),
    "request show": command("request", "show", "r1", "--tenant", ACTING),
    "rewind": "moves the whole group",
    "run": "is the service",
    "schemas": "prints files",
    "session list": command("session", "list", "--tenant", ACTING, "--ticket", "4711"),
    "session show": command("session", "show", SESSION, "--tenant", ACTING, "--events"),
    "settings": "reads no table",
    "spend": spending,
    "status": ALL,
    "tenant list": ALL,
    "tenant set": command("tenant", "set", ACTING, "--model", "off"),
    "tenant show": command("tenant", "show", ACTING),
    "trim": "is a case of its own, with sessions that are old",
    "verify": command("verify", "{package}"),
}
