"""Files that jobs keep: written whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def keep_file(path: Path, content: bytes, *, mode: int = 0o644) -> Path:
    """Write a file in one step; the same file again replaces itself. Its folder is made where it is missing.

    Parameters:
      mode: Who may read it; 0o600 keeps everyone out but the account that jobs run under.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        os.fchmod(descriptor, mode)  # mkstemp's 0600 would keep the office's web server out
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
