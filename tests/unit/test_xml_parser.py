"""The hardened parser: what it takes, what it refuses and by which code."""

from __future__ import annotations

import threading

import pytest
from lxml import etree

from adapters.xml import AUTHORITY, ENTERPRISE, SCHEMA_ONLY, Limits, parse
from hub.domain.faults import Refused, fault_kinds
from tests.support.signing import a_message


def refusal(data: bytes, limits: Limits = ENTERPRISE) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        parse(data, limits)
    assert caught.value.status == 400
    return caught.value.faults[0].code, caught.value.faults[0].line


BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>'
EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
PARAMETER = b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]><a/>'


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        EXTERNAL,
        PARAMETER,
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0"?><!-- a > b -->\n<!DOCTYPE a SYSTEM "x.dtd"><a/>',
        b"<?pi x?><!DOCTYPE a><a/>",
    ],
)
def test_any_doctype_is_refused(data: bytes) -> None:
    assert refusal(data)[0] == "xml.doctype"


def test_a_doctype_in_utf_16_is_refused_too() -> None:
    assert refusal("<!DOCTYPE a><a/>".encode("utf-16"), AUTHORITY)[0] == "xml.doctype"


def test_the_word_doctype_in_a_text_is_harmless() -> None:
    assert parse(b"<a><![CDATA[<!DOCTYPE a>]]></a>").root.text == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", 1),
        (b"hello", 1),
        (b"<a>\n<b>\n</a>", 3),
        (b"<a/>\n<b/>", 2),
        (b"<a>\n&unknown;</a>", 2),
        (b"<a x='1'\n x='2'/>", 2),
        (b"<a>\n\n<p:b/></a>", 3),
        (b"<a>\x00</a>", 1),
        (b"<a>\n\x01</a>", 2),
        (b"<a/>\n<!DOCTYPE a>", 2),
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_line(data: bytes, line: int) -> None:
    assert refusal(data) == ("xml.malformed", line)


def test_the_sentence_does_not_quote_the_document() -> None:
    with pytest.raises(Refused) as caught:
        parse(b"<a><secretname></a>")
    assert "secretname" not in caught.value.faults[0].message


@pytest.mark.parametrize(
    "data",
    [
        b"<a>\xff</a>",
        b"<a>\xc0\xaf</a>",  # overlong
        b"<a>\xed\xa0\x80</a>",  # a surrogate
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
        b'<?xml version="1.0" encoding="UTF-7"?><a/>',
        b'<?xml version="1.0" encoding="gb2312"?><a/>',
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-16-be"),
    ],
)
def test_enterprises_write_utf_8(data: bytes) -> None:
    assert refusal(data)[0] == "xml.encoding"


@pytest.mark.parametrize("encoding", ["gb2312", "GBK", "gb18030", "UTF-16", "utf-8", "UTF8"])
def test_authorities_may_write_other_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>回执</a>'
    parsed = parse(text.encode(encoding), AUTHORITY)
    assert parsed.root.text == "回执"
    assert "回执".encode() in parsed.text


def test_bytes_that_are_not_of_their_encoding_are_refused() -> None:
    assert refusal(b'<?xml version="1.0" encoding="gbk"?><a>\xff\xff</a>', AUTHORITY)[0] == "xml.encoding"
    assert refusal(b"\xff\xfe<\x00a", AUTHORITY)[0] in ("xml.encoding", "xml.malformed")


@pytest.mark.parametrize("name", ["UTF8", "us-ascii"])
def test_another_name_of_utf_8_does_not_excuse_wrong_bytes(name: str) -> None:
    assert refusal(f'<?xml version="1.0" encoding="{name}"?>'.encode() + b"<a>\xff</a>")[0] == "xml.encoding"


def test_a_declaration_too_long_to_be_looked_at_does_not_change_the_encoding() -> None:
    declared = b'<?xml version="1.0"' + b" " * 500 + b'encoding="ISO-8859-1"?>'
    assert parse(declared + "<a>回</a>".encode()).root.text == "回"
    assert refusal(declared + b"<a>\xe9</a>")[0] == "xml.encoding"


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert parse(b"\xef\xbb\xbf<a/>").text == b"<a/>"


def test_only_xml_1_0_is_read() -> None:
    assert refusal(b'<?xml version="1.1"?><a/>')[0] == "xml.version"


def test_depth_is_bounded() -> None:
    assert parse(b"<a>" * 64 + b"</a>" * 64).root.tag == "a"
    assert refusal(b"<a>" * 65 + b"</a>" * 65)[0] == "xml.depth"


def test_depth_beyond_the_parser_is_refused_by_the_parser() -> None:
    assert refusal(b"<a>" * 100_000)[0] == "xml.limit"


def test_elements_are_bounded() -> None:
    assert refusal(b"<a>" + b"<b/>" * 60 + b"</a>", Limits(elements=25))[0] == "xml.elements"
    assert refusal(b"<a>" + b"<b/>" * 1_100_000 + b"</a>")[0] == "xml.elements"


def test_attributes_are_bounded() -> None:
    many = b"".join(b' a%d=""' % n for n in range(20_001))
    assert refusal(b"<a" + many + b"/>")[0] == "xml.attributes"


def test_namespaces_are_bounded() -> None:
    many = b"".join(b' xmlns:a%d="u:%d"' % (n, n) for n in range(1_001))
    assert refusal(b"<a" + many + b"/>")[0] == "xml.namespaces"


def test_a_text_of_more_than_ten_megabytes_is_refused() -> None:
    assert refusal(b"<a>" + b"x" * 11_000_000 + b"</a>")[0] == "xml.limit"


def test_a_message_of_sixteen_megabytes_passes() -> None:
    leaf = b"<ceb:itemName>" + b"x" * 80 + b"</ceb:itemName>"
    data = b'<ceb:m xmlns:ceb="u">' + leaf * (16_000_000 // len(leaf)) + b"</ceb:m>"
    assert len(parse(data).root) > 100_000


def test_a_comment_does_not_cut_a_text() -> None:
    root = parse(b"<a>12<!-- x -->34<![CDATA[5]]>6</a>").root
    assert root.text == "123456"


@pytest.mark.parametrize(
    "data", [b"<a>12<?x y?>34</a>", b"<?x y?><a/>", b'<?xml version="1.0"?><a/><?x?>', b"<a>?<?x?></a>"]
)
def test_processing_instructions_are_refused(data: bytes) -> None:
    assert refusal(data)[0] == "xml.instruction"


def test_judging_by_the_schema_alone_drops_instructions_without_cutting_the_text() -> None:
    assert parse(b"<a>12<?x y?>34</a>", SCHEMA_ONLY).root.text == "1234"


def test_question_marks_are_not_instructions() -> None:
    assert parse(b'<?xml version="1.0"?><a><![CDATA[<?x?>]]>?</a>').root.text == "<?x?>?"


def test_threads_parse_side_by_side() -> None:
    data, roots = a_message(50), []

    def work() -> None:
        roots.extend(etree.tostring(parse(data).root, method="c14n") for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(roots) == 200
    assert len(set(roots)) == 1


def test_every_code_of_the_family_is_tested_here() -> None:
    tested = [
        "malformed",
        "doctype",
        "encoding",
        "version",
        "depth",
        "elements",
        "attributes",
        "namespaces",
        "limit",
        "instruction",
    ]
    assert {code for code in fault_kinds() if code.startswith("xml.")} == {f"xml.{name}" for name in tested}
