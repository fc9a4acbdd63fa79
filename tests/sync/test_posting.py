"""The reference sync posts once: what becomes a note, what changes it, and what does nothing."""

from tests.sync.scene import Escalation, Scene, ticket


async def test_a_package_becomes_one_note_that_its_revisions_change(scene: Scene) -> None:
    outlook = Escalation("s1", ticket("1"))
    first, second, same = outlook.package(1, "one"), outlook.package(2, "two"), outlook.package(3, "two")
    await scene.started()
    await scene.send(first, first, second, first, same, transactional=True)
    await scene.settled()
    (note,) = scene.psa.notes()
    assert note.text == f"Problem\n\ntwo\n\n{outlook.stem}r2]\n"
    assert note.fields["internalAnalysisFlag"] is True
    assert [call.method for call in scene.psa.writes] == ["POST", "PATCH"]
    row = scene.row(outlook)
    assert (row["revision"], row["state"], row["note_id"]) == (3, "posted", str(note.id))
    assert row["ticket"] == ticket("1")
    told = await scene.feedback()
    assert {event["data"]["package_id"] for event in told} == {outlook.package_id(n) for n in (1, 2, 3)}
    assert {(event["data"]["outcome"], event["data"]["note_id"]) for event in told} == {("posted", str(note.id))}
    assert len({event["id"] for event in told}) == 3
