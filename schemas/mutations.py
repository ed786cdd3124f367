"""Ways to spoil a message: seeded changes of the tree, for tests that compare verdicts of two schemas.

Many leave the message valid; that is wanted: the edge between valid and not is where two schemas would differ.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random

from lxml import etree

from schemas.model import CEB, DS

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XS = "http://www.w3.org/2001/XMLSchema"
Mutation = Callable[[etree._Element, Random], None]

_TEXTS = (
    "",
    " ",
    "\n",
    "0",
    "1",
    "142",
    " 142 ",
    "143",
    "I",
    "中文",
    "😀",
    "a b",
    "\t1\n",
    "2026-06-01",
    "null",
    "A" * 36,
)
_NUMBERS = (
    "0", "-0", "+1", "1.", ".5", ".", "-.5", "1e3", "1E3", "NaN", "INF", "1,5", "1.123456", "1.1234500000", "00001",
    "12345678901234567890", "12345678901234.12345", "123456789012345.12345", "00000000000000000000001.00000000",
    "99999999999999", "999999999", "1000000000", "2147483647", "2147483648", "-2147483648", "-2147483649", "1 2", " 7 ",
    "０", "٣", "0x10", "- 1", "--1", "", "\u00a01", "1\u2003", "1.0", "12345678901234567.12",
)  # fmt: skip
_TYPES = (
    "xs:string", "xs:int", "xs:short", "xs:decimal", "xs:anyType", "xs:integer", "xs:token", "ceb:XMLElement", "ds:SignatureType",
    "ds:CryptoBinary", "ds:DigestValueType", "xs:nothing", "none:x",
)  # fmt: skip


def _all(root: etree._Element) -> list[etree._Element]:
    return [e for e in root.iter(etree.Element) if e is not root]


def _any(root: etree._Element, draw: Random) -> etree._Element:
    return draw.choice(_all(root))


def _leaf(root: etree._Element, draw: Random) -> etree._Element:
    return draw.choice([e for e in _all(root) if len(e) == 0])


def _signed(root: etree._Element, draw: Random) -> etree._Element:
    found = [e for e in _all(root) if etree.QName(e).namespace == DS]
    return draw.choice(found) if found else _any(root, draw)


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    assert parent is not None
    return parent


def drop(root: etree._Element, draw: Random) -> None:
    element = _any(root, draw)
    _parent(element).remove(element)


def duplicate(root: etree._Element, draw: Random) -> None:
    element = _any(root, draw)
    element.addnext(copy.deepcopy(element))


def multiply(root: etree._Element, draw: Random) -> None:
    """Go just to or over the number of documents, lines, subscribers."""
    element = draw.choice([e for e in _all(root) if e.getparent() is root or _parent(e).getparent() is root])
    for _ in range(draw.choice((1, 3, 4, 5, 97, 98, 99, 100))):
        element.addnext(copy.deepcopy(element))


def swap(root: etree._Element, draw: Random) -> None:
    element = _any(root, draw)
    following = element.getnext()
    if following is not None:
        following.addnext(element)


def move(root: etree._Element, draw: Random) -> None:
    element, target = _any(root, draw), _any(root, draw)
    if element is not target and element not in target.iterancestors():
        target.insert(draw.randrange(len(target) + 1), element)


def transplant(root: etree._Element, draw: Random) -> None:
    """Copy something into the signature, where lax wildcards are."""
    _signed(root, draw).append(copy.deepcopy(_any(root, draw)))


def rename(root: etree._Element, draw: Random) -> None:
    element = _any(root, draw)
    name = etree.QName(element)
    other = etree.QName(_any(root, draw)).localname
    element.tag = f"{{{name.namespace}}}{draw.choice((other, name.localname.lower(), name.localname + 'x'))}"


def namespace(root: etree._Element, draw: Random) -> None:
    element = _any(root, draw)
    local = etree.QName(element).localname
    element.tag = draw.choice((local, f"{{{DS}}}{local}", f"{{{CEB}}}{local}", f"{{http://example.test/}}{local}"))


def empty(root: etree._Element, draw: Random) -> None:
    element = _any(root, draw)
    for child in list(element):
        element.remove(child)
    element.text = None


def text(root: etree._Element, draw: Random) -> None:
    _leaf(root, draw).text = draw.choice(_TEXTS)


def number(root: etree._Element, draw: Random) -> None:
    leaves = [e for e in _all(root) if len(e) == 0 and (e.text or "").strip().replace(".", "").isdecimal()]
    (draw.choice(leaves) if leaves else _leaf(root, draw)).text = draw.choice(_NUMBERS)


def length(root: etree._Element, draw: Random) -> None:
    """A text just at or over some length of the catalogue."""
    size = draw.choice((1, 2, 3, 4, 8, 10, 14, 17, 18, 19, 20, 30, 32, 36, 37, 50, 60, 100, 200, 250, 510, 1000, 5000))
    _leaf(root, draw).text = draw.choice("x中1") * (size + draw.choice((-1, 0, 1)))


def mixed(root: etree._Element, draw: Random) -> None:
    element = _any(root, draw)
    element.tail = draw.choice(("x", " ", "\n", "\u00a0", "中"))


def attribute(root: etree._Element, draw: Random) -> None:
    element = draw.choice((root, _any(root, draw), _signed(root, draw)))
    name = draw.choice(("id", "Id", "guid", "version", "Algorithm", "URI", "{http://example.test/}a", f"{{{CEB}}}guid"))
    element.set(name, draw.choice(("", "1", "x" * 36, "a b", "1x", "http://example.test/ 1")))


def root_attribute(root: etree._Element, draw: Random) -> None:
    name = draw.choice(("guid", "version"))
    value = draw.choice((None, "", "x" * 35, "x" * 36, "x" * 37, "1", "1" * 10, "1" * 11, " ", "中" * 36))
    if value is None:
        root.attrib.pop(name, "")
    else:
        root.set(name, value)


def xsi(root: etree._Element, draw: Random) -> None:
    element = draw.choice((root, _any(root, draw), _leaf(root, draw), _signed(root, draw)))
    if draw.random() < 0.3:
        element.set(f"{{{_XSI}}}nil", draw.choice(("true", "false", "1", "x")))
    elif draw.random() < 0.2:
        element.set(f"{{{_XSI}}}schemaLocation", "http://example.test/ none.xsd")
    else:
        # the prefixes must be in scope for the value to mean anything
        new = etree.Element(element.tag, nsmap={"xs": _XS, "ceb": CEB, "ds": DS})
        new.set(f"{{{_XSI}}}type", draw.choice(_TYPES))
        for name, value in element.attrib.items():
            new.set(name, value)
        new.text = element.text
        new.extend(list(element))
        parent = element.getparent()
        if parent is not None:
            new.tail = element.tail
            parent.replace(element, new)


def interruption(root: etree._Element, draw: Random) -> None:
    """A comment or processing instruction between or inside elements."""
    node = etree.Comment("x") if draw.random() < 0.6 else etree.ProcessingInstruction("p", "x")
    element = draw.choice((_any(root, draw), _leaf(root, draw)))
    if draw.random() < 0.5:
        element.addnext(node)
    else:
        node.tail = draw.choice((None, "1", "x", " "))
        element.insert(0, node)


def signature(root: etree._Element, draw: Random) -> None:
    """Damage the signature: values, attributes, order, parts."""
    element = _signed(root, draw)
    what = draw.randrange(5)
    if what == 0:
        element.text = draw.choice(("", "AAAA", "AAA", "A=A=", "QUJD RA==", "!!!", "中", " QUJDRA== "))
    elif what == 1:
        for name in list(element.attrib):
            del element.attrib[name]
    elif what == 2:
        element.set("Algorithm", draw.choice(("", "x y", "http://example.test/%zz", ":", "中", "a#b#c")))
    elif what == 3:
        _parent(element).remove(element)
    else:
        extra = draw.choice(("Object", "KeyName", "MgmtData", "X509SKI", "XPath", "HMACOutputLength", "RSAKeyValue"))
        etree.SubElement(element, f"{{{DS}}}{extra}").text = draw.choice((None, "1", "QUJDRA=="))


def extend(root: etree._Element, draw: Random) -> None:
    """Custom data: well placed or not, with nothing, one or two elements inside, or text."""
    custom = etree.Element(f"{{{CEB}}}ExtendMessage")
    for name in draw.choice((("name", "version", "Message"), ("name", "Message"), ("Message", "name", "version"))):
        etree.SubElement(custom, f"{{{CEB}}}{name}").text = (
            None if name == "Message" else "x" * draw.choice((0, 1, 30, 31))
        )
    message = custom.find(f"{{{CEB}}}Message")
    assert message is not None
    for _ in range(draw.choice((0, 1, 1, 2))):
        etree.SubElement(message, draw.choice(("x", f"{{{CEB}}}OrderHead", f"{{{DS}}}Signature"))).text = "any"
    if draw.random() < 0.2:
        message.text = "text"
    after = root.find(f"{{{CEB}}}BaseTransfer")
    if after is None or draw.random() < 0.2:
        root.append(custom)
    else:
        after.addnext(custom)


def subscribe(root: etree._Element, draw: Random) -> None:
    after = root.find(f"{{{CEB}}}BaseTransfer")
    for _ in range(draw.choice((1, 4, 5, 6))):
        new = etree.Element(f"{{{CEB}}}BaseSubscribe")
        for name in ("status", "dxpMode", "dxpAddress", "note")[: draw.choice((3, 4, 4, 2))]:
            etree.SubElement(new, f"{{{CEB}}}{name}").text = draw.choice(("DXP", "DXP", "DXP", "", "x" * 101))
        root.append(new) if after is None else after.addnext(new)


MUTATIONS: tuple[Mutation, ...] = (
    drop, duplicate, multiply, swap, move, transplant, rename, namespace, empty, text, number, length, mixed, attribute,
    root_attribute, xsi, interruption, signature, extend, subscribe,
)  # fmt: skip


def mutated(root: etree._Element, seed: int) -> tuple[etree._Element, str]:
    """A spoilt copy of a message and the names of what was done to it, one to three mutations."""
    draw = Random(seed)
    copied = copy.deepcopy(root)
    done = []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        mutation = draw.choice(MUTATIONS)
        if _all(copied):
            mutation(copied, draw)
            done.append(mutation.__name__)
    return copied, "+".join(done)
