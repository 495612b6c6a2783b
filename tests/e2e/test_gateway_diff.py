"""get_commit_diff over real repositories: structure, and arguments that would like to be options."""

import subprocess

import pytest

from bus.gateway import Gateway


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")

    def git(*arguments):
        return subprocess.run(["git", "-C", folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments],
                              check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    (folder / "old name.txt").write_text("one\ntwo\nthree\nfour\n")
    (folder / "gone.bin").write_bytes(bytes(range(256)))
    git("add", "--all")
    git("commit", "--quiet", "--message", "First")
    (folder / "old name.txt").rename(folder / "new ä.txt")
    (folder / "new ä.txt").write_text("one\ntwo <b>\nthree\nfour\n")
    (folder / "gone.bin").unlink()
    (folder / "made.txt").write_text("new")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Second\n\nWith more.")
    return folder, git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def client(bus, repository):
    with Gateway(bus, "gateway-diff", TICKETBUS_GATEWAY_REPOSITORIES=f"other=/nowhere,main={repository[0]}") as gateway:
        yield gateway.client("diff", "--scope", "read")


def test_a_commit_is_shown_file_by_file(client, repository):
    folder, sha = repository
    for name in (sha, sha[:8], sha.upper()):
        diff = client.get(f"/tickets/commit-diff/{name}").expect(200)
        assert diff["sha"] == sha and diff["repository"] == "main" and diff["author"] == "Ada <ada@example.org>"
    assert diff["message"] == "Second\n\nWith more." and not diff["truncated"]
    files = {f["path"]: f for f in diff["files"]}
    assert files.keys() == {"gone.bin", "made.txt", "new ä.txt"}
    assert files["gone.bin"]["status"] == "deleted" and files["gone.bin"]["binary"]
    assert files["made.txt"]["status"] == "added" and files["made.txt"]["insertions"] == 1
    renamed = files["new ä.txt"]
    assert renamed["status"] == "renamed" and renamed["old_path"] == "old name.txt"
    assert [(line["kind"], line["text"]) for line in renamed["hunks"][0]["lines"]] == [
        ("context", "one"), ("removed", "two"), ("added", "two <b>"), ("context", "three"), ("context", "four")]
    assert (diff["files_changed"], diff["insertions"], diff["deletions"]) == (3, 2, 1)
    client.get(f"/tickets/commit-diff/{sha}", repository="main").expect(200)


@pytest.mark.parametrize("sha", ["--output=x", "-p", "HEAD", "main", "abc", "..%2F..%2Fetc", "abcd;id", "$(id)", "0" * 65, "abcd^{tree}"])
def test_what_is_no_hash_goes_nowhere(client, repository, sha):
    client.get(f"/tickets/commit-diff/{sha}").problem(422, "validation_failed", "sha")
    assert not list(repository[0].glob("x*"))


def test_a_commit_that_is_not_there(client, repository):
    client.get("/tickets/commit-diff/deadbeef").problem(404, "not_found", "sha")
    client.get(f"/tickets/commit-diff/{repository[1]}", repository="nope").problem(404, "not_found", "sha")
