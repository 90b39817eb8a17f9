# SPDX-License-Identifier: MIT
"""Makes FAT volumes for the direct door, with mtools: files given as a dict of
path -> bytes.  Built once per content and kept for the run."""

import hashlib
import os
import subprocess
import tempfile

from guest import BUILD

FAT32_FROM_KIB = 36 * 1024
FOLDER = os.path.join(BUILD, "test-sticks")


def run(*command, **options):
    # mtools reads names by the locale.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, LC_ALL="C.UTF-8"), **options)


def key_of(files, size_kib):
    digest = hashlib.sha256(b"%d" % size_kib)
    for path in sorted(files):
        digest.update(path.encode() + b"\0" + files[path] + b"\0")
    return digest.hexdigest()[:16]


def stick(files, size_kib=None):
    """Returns the path of a volume.  The smallest is a FAT16 of 2.5 MiB (512
    byte clusters); from 36 MiB on it is a FAT32."""
    need = sum(len(v) // 1024 + 4 for v in files.values())
    size_kib = size_kib or max(2560, need + need // 16 + 1024)
    path = os.path.join(FOLDER, key_of(files, size_kib) + ".fat")
    if os.path.exists(path):
        return path
    os.makedirs(FOLDER, exist_ok=True)
    draft = "%s.%d" % (path, os.getpid())
    with open(draft, "wb") as f:
        f.truncate(size_kib * 1024)
    # FAT16 holds 4,085 to 65,524 clusters, FAT32 more.
    cluster, kind = 1, ["-F"]
    if size_kib < FAT32_FROM_KIB:
        kind = []
        while size_kib * 2 // cluster > 60000:
            cluster *= 2
    run("mformat", "-i", draft, "-c", str(cluster), "-T", str(size_kib * 2),
        "-h", "16", "-s", "63", "-v", "RINGLET", *kind, "::")
    with tempfile.TemporaryDirectory() as tree:
        for name, content in files.items():
            full = os.path.join(tree, name)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                f.write(content)
        tops = [os.path.join(tree, n) for n in sorted(os.listdir(tree))]
        if tops:
            run("mcopy", "-s", "-i", draft, *tops, "::")
    os.rename(draft, path)
    return path


INDEX = b"<!doctype html><title>Test stick</title><p>hello from the stick\n"


def site(extra=None, config=""):
    """A stick with a web site of everything that the tests ask for."""
    files = {
        "www/index.html": INDEX,
        "www/style.css": b"p { color: teal }\n",
        "www/app.js": b"console.log(1)\n",
        "www/empty.txt": b"",
        "www/docs/index.html": b"<p>the folder's page\n",
        "www/docs/deep/er/page.txt": b"deep\n",
        "www/A Name With Spaces.txt": b"spaces\n",
        "www/UPPER.TXT": b"upper\n",
        # The first fits a short name, which mtools writes in code page 850.
        "www/gr\u00fc\u00dfe.txt": b"umlauts\n",
        "www/viele gr\u00fc\u00dfe.txt": b"more umlauts\n",
        "www/picture.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    }
    if config:
        files["config.txt"] = config.encode()
    files.update(extra or {})
    return stick(files)
