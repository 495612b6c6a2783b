"""A small file system for the database of a run, so that it can be full without harm to anything else."""

import os
import pathlib
import shutil
import subprocess

SIZE_MB = 768


class Disk:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._filler = self.folder / "filler"

    @classmethod
    def mount(cls, folder, owner):
        """None where that is not allowed."""
        if os.geteuid() != 0:
            return None
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "chaos", str(folder)],
                          stderr=subprocess.DEVNULL).returncode != 0:
            folder.rmdir()
            return None
        disk = cls(folder)
        disk.space.mkdir()
        os.chown(disk.space, owner, -1)
        disk.space.chmod(0o700)
        return disk

    @property
    def space(self):
        """Where Postgres may put a tablespace."""
        return self.folder / "space"

    def fill(self):
        with open(self._filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * (64 * 1024))
            except OSError:
                pass
        # To the last page, however small what is left.
        with open(self.folder / "filler2", "wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass

    def free(self):
        for name in ("filler", "filler2"):
            (self.folder / name).unlink(missing_ok=True)

    def unmount(self):
        subprocess.run(["umount", str(self.folder)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
