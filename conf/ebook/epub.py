# SPDX-License-Identifier: ISC
"""epub.py BOOK.epub: is all of it there, and does everything that points to
something inside of it find it? Prints the first level of its table of contents.

epubcheck (https://www.w3.org/publishing/epubcheck/) knows all rules; this needs
nothing but python3, and finds a book that is not whole.
"""
import posixpath
import sys
import urllib.parse
import xml.etree.ElementTree as tree
import zipfile

CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
OPF = "{http://www.idpf.org/2007/opf}"
HTML = "{http://www.w3.org/1999/xhtml}"
EPUB = "{http://www.idpf.org/2007/ops}"
wrong = []


def parse(book, name):
    try:
        return tree.fromstring(book.read(name))
    except (KeyError, tree.ParseError, zipfile.BadZipFile) as error:
        sys.exit(f"{name}: {error}")


def target(name, link):
    """file and fragment that a link in the file `name` means"""
    path, _, fragment = link.partition("#")
    path = urllib.parse.unquote(path)
    return (posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if path else name), urllib.parse.unquote(fragment)


def links(name, root):
    for element in root.iter():
        for key in ("href", "src"):
            link = element.get(key)
            # what has a scheme leads out of the book
            if link and not urllib.parse.urlsplit(link).scheme:
                yield target(name, link)


def main(path):
    try:
        book = zipfile.ZipFile(path)
        bad = book.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(f"{path}: {error}")
    if bad is not None:
        sys.exit(f"{bad}: damaged")
    first = book.infolist()[0]
    if (first.filename, first.compress_type, book.read(first)) != (
            "mimetype", zipfile.ZIP_STORED, b"application/epub+zip"):
        wrong.append("its first entry is not mimetype, stored")
    there = set(book.namelist())

    rootfile = parse(book, "META-INF/container.xml").find(
        f".//{CONTAINER}rootfile")
    if rootfile is None:
        sys.exit("META-INF/container.xml: no rootfile")
    opf = rootfile.get("full-path")
    package = parse(book, opf)
    for what in ("title", "language", "identifier"):
        if not package.findtext(
                f".//{{http://purl.org/dc/elements/1.1/}}{what}"):
            wrong.append(f"{opf}: no {what}")

    items = {item.get("id"): item for item in package.iter(OPF + "item")}
    files = {key: target(opf, item.get("href"))[0]
             for key, item in items.items()}
    for name in files.values():
        if name not in there:
            wrong.append(f"{opf}: {name} is not in the book")
    for name in there - set(files.values()) - {"mimetype", opf}:
        if not name.startswith("META-INF/") and not name.endswith("/"):
            wrong.append(f"{opf}: {name} is not in the manifest")
    spine = [item.get("idref") for item in package.iter(OPF + "itemref")]
    wrong.extend(f"{opf}: the spine has {key}, which is not in the manifest"
                 for key in spine if key not in items)

    pages = {name: parse(book, name) for key, name in files.items()
             if name in there and items[key].get("media-type") in (
                 "application/xhtml+xml", "application/x-dtbncx+xml",
                 "image/svg+xml")}
    ids = {name: {e.get("id") for e in root.iter()} for name, root in
           pages.items()}
    for name, root in pages.items():
        for file, fragment in links(name, root):
            if file not in there:
                wrong.append(f"{name}: {file} is not in the book")
            elif fragment and fragment not in ids.get(file, ()):
                wrong.append(f"{name}: there is no #{fragment} in {file}")

    contents = []
    for key, item in items.items():
        if (files[key] in pages and
                "nav" in (item.get("properties") or "").split()):
            for nav in pages[files[key]].iter(HTML + "nav"):
                if nav.get(EPUB + "type") == "toc":
                    contents = nav.findall(f"{HTML}ol/{HTML}li/{HTML}a")
    if not contents:
        wrong.append("it has no table of contents")
    for entry in contents:
        print(" ".join("".join(entry.itertext()).split()))
    sys.exit("\n".join(wrong) or 0)


main(*sys.argv[1:])
