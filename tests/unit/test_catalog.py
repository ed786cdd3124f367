"""The catalogue: what it describes, the schemas it gives, what it says about itself."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree

from schemas import catalog, generate, made, mutations, samples, twin
from schemas.codes import code_list
from schemas.documents import STRUCTS
from schemas.model import message_types
from schemas.pages import message_page
from schemas.xsd import compile_xsd

FOUR = ("CEB311", "CEB411", "CEB511", "CEB621")
RECEIPTS = ("CEB312", "CEB412", "CEB512", "CEB622", "CEB900")


#: Every message of the specification (202205): uploads with their receipts, and what customs sends unasked.
PAIRS = {
    311: 312, 411: 412, 511: 512, 513: 514, 621: 622, 623: 624, 625: 626, 711: 712,
    303: 304, 403: 404, 505: 506, 507: 508, 509: 510, 603: 604, 605: 606, 607: 608, 701: 702, 213: 214, 215: 216,
}  # fmt: skip
UNASKED = (792, 816, 818, 900)


def test_it_knows_all_42_messages_of_the_specification() -> None:
    numbers = {*PAIRS, *PAIRS.values(), *UNASKED}
    assert {mt.type for mt in catalog.messages()} == {f"CEB{number}" for number in numbers}
    assert len(catalog.messages()) == 42


@pytest.mark.parametrize("type_", [*FOUR, *RECEIPTS])
def test_a_message_is_found_by_its_type_and_by_its_root(type_: str) -> None:
    assert catalog.message(type_) is catalog.message(f"{type_}Message")
    root = etree.Element(f"{{{catalog.CEB}}}{type_}Message")
    assert catalog.message_of(root) is catalog.message(type_)


@pytest.mark.parametrize("tag", ["CEB311Message", "{x}CEB311Message", f"{{{catalog.CEB}}}CEB999Message",
                                 f"{{{catalog.CEB}}}Message", f"{{{catalog.CEB}}}OrderHead", f"{{{catalog.CEB}}}CEB"])  # fmt: skip
def test_a_root_of_another_name_or_namespace_is_no_message(tag: str) -> None:
    assert catalog.message_of(etree.Element(tag)) is None


def test_an_unknown_message_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        catalog.message("CEB999")


@pytest.mark.parametrize("number", PAIRS)
def test_a_message_and_its_receipt_name_each_other(number: int) -> None:
    mt, receipt = catalog.message(f"CEB{number}"), catalog.message(f"CEB{PAIRS[number]}")
    assert (mt.direction, receipt.direction) == ("up", "down")
    assert (mt.receipt, receipt.receipt_of) == (receipt.type, mt.type)
    assert mt.side == receipt.side
    assert mt.key == receipt.key


def test_the_import_editions_differ_in_two_lines_of_the_declaration_only() -> None:
    changes = {
        (mt.type, new.name, new.type, old.type)
        for mt in catalog.messages()
        if mt.side == "import"
        for part in mt.parts
        for new, old in zip(part.in_edition("202205"), part.in_edition("2018"), strict=True)
        if new != old
    }
    assert changes == {
        ("CEB621", "itemNo", "C0..20", "C0..30"),
        ("CEB621", "tradeCountry", "C1..3", "C3"),
    }


def test_export_returns_came_with_the_newer_edition() -> None:
    assert {mt.type for mt in catalog.messages() if mt.editions == ("202205",)} == {
        "CEB213", "CEB214", "CEB215", "CEB216",
    }  # fmt: skip
    with pytest.raises(ValueError, match="2018"):
        catalog.xsd("CEB213", "2018")


@pytest.mark.parametrize(("mt", "edition"), [(m, e) for m in catalog.messages() for e in m.editions], ids=lambda x: getattr(x, "type", x))
def test_every_schema_compiles_once_and_without_network(mt: catalog.MessageType, edition: str) -> None:
    assert catalog.validator(mt, edition) is catalog.validator(mt.type, edition)
    assert f'version="{edition}"' in catalog.xsd(mt, edition)


def test_an_edition_nobody_published_is_refused() -> None:
    with pytest.raises(ValueError, match="edition"):
        catalog.xsd("CEB311", "1999")


def test_messages_that_share_a_struct_are_known_by_the_same_key() -> None:
    """A document's key is asked for by its struct, which import and export share."""
    keys: dict[str, set[tuple[object, ...]]] = {}
    for mt in catalog.messages():
        keys.setdefault(mt.struct, set()).add((mt.key, mt.key_fallback, mt.kind))
    assert [struct for struct, found in keys.items() if len(found) > 1] == []


@pytest.mark.parametrize("mt", catalog.messages(), ids=lambda mt: mt.type)
def test_keys_codes_and_structs_of_a_message_exist(mt: catalog.MessageType) -> None:
    names = {f.name for f in mt.fields}
    assert set(mt.key) <= names
    assert mt.struct in STRUCTS
    for part in mt.parts:
        assert part.struct in STRUCTS
        for field in part.fields:
            assert field.zh
            assert field.en
            if field.codes:
                assert code_list(field.codes).codes
            if field.fixed and field.codes:
                assert field.fixed in code_list(field.codes).codes
            if field.default and field.codes:
                assert field.default in code_list(field.codes).codes


def test_generated_files_are_up_to_date() -> None:
    assert generate.stale() == []


def test_importing_the_catalogue_loads_neither_xmlschema_nor_the_hub() -> None:
    code = (
        "import sys, schemas.catalog as c; c.message('CEB311');"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('xmlschema', 'hub', 'adapters', 'asyncio')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    assert shown.stdout.strip() == "[]"


def _root() -> str:
    return str(generate._ROOT)


def test_a_message_only_the_older_schema_accepts_has_the_older_edition() -> None:
    document = samples.declaration_set(1, overrides={"declaration.list.0.itemNo": "x" * 30}).declaration
    root = _signed(document)
    mt = catalog.message("CEB621")
    assert catalog.edition_that_validates(root, mt) == "2018"
    assert catalog.edition_that_validates(_signed(samples.declaration_set(1).declaration), mt) == "202205"
    assert catalog.edition_that_validates(_signed(samples.declaration_set(1).declaration), mt, "2018") == "2018"
    too_long = samples.declaration_set(1, overrides={"declaration.list.0.itemNo": "x" * 31}).declaration
    assert catalog.edition_that_validates(_signed(too_long), mt) is None


def _signed(document: object) -> etree._Element:
    """A declaration with something of the form of a signature."""
    mt = catalog.message("CEB621")
    xml = catalog.render(mt, [document], guid="9" * 36, transfer=samples.base_transfer("9901D00005"))
    root = etree.fromstring(xml)
    algorithm = 'Algorithm="urn:x"'
    root.append(
        etree.fromstring(
            f'<Signature xmlns="{catalog.DS}"><SignedInfo><CanonicalizationMethod {algorithm}/>'
            f"<SignatureMethod {algorithm}/><Reference><DigestMethod {algorithm}/><DigestValue/></Reference>"
            "</SignedInfo><SignatureValue/></Signature>"
        )
    )
    return root


def test_one_validator_serves_many_threads() -> None:
    schema = catalog.validator("CEB311")
    mt = catalog.message("CEB311")
    good, bad = (
        catalog.render(
            mt,
            [samples.declaration_set(n, overrides=change).order],
            guid="9" * 36,
            transfer=samples.base_transfer("9901D00001"),
        )
        for n, change in ((1, {}), (2, {"order.orderNo": ""}))
    )

    def judge(n: int) -> bool:
        return schema(etree.fromstring(bad if n % 2 else good)) == (n % 2 == 0)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(judge, range(2000)))


def test_the_json_schema_speaks_of_every_field_with_the_catalogues_limits() -> None:
    schema = catalog.json_schema("CEB621", "2018")
    document = schema["properties"]["documents"]
    assert document["maxItems"] == 100
    line = document["items"]["properties"]["list"]["items"]
    assert line["properties"]["itemNo"]["maxLength"] == 30
    assert "itemNo" not in line["required"]
    assert set(line["properties"]) == {f.name for f in catalog.message("CEB621").list.fields}
    assert line["additionalProperties"] is False
    assert catalog.json_schema("CEB621")["properties"]["documents"]["items"]["properties"]["list"]["items"][
        "properties"
    ]["itemNo"]["maxLength"] == 20  # fmt: skip
    assert "transfer" in schema["required"]
    assert "transfer" not in catalog.json_schema("CEB622")["properties"]


def test_a_twin_of_the_wrong_shape_names_every_place() -> None:
    mt = catalog.message("CEB311")
    value = twin.write(mt, [samples.declaration_set(1).order], guid="G")
    head, line = value["documents"][0]["head"], value["documents"][0]["list"][0]
    head["orderNumber"] = "1"
    line["gnum"] = 1
    line["qty"] = 1.5
    value["sender"] = {}
    _, faults = twin.read(value, mt)
    assert {(f.path, f.reason, f.document) for f in faults} == {
        ("/CEB311Message/sender", "unexpected", -1),
        ("/CEB311Message/Order[1]/OrderHead/orderNumber", "unexpected", 0),
        ("/CEB311Message/Order[1]/OrderList[1]/qty", "type", 0),
    }


@pytest.mark.parametrize("value", [None, [], 1, "x", {"documents": 1}, {"documents": [1]}, {"documents": [{}]}, {},
                                   {"documents": [{"head": []}]}, {"documents": [{"head": {}, "list": [1]}]},
                                   {"documents": [{"head": {"guid": True}}]}, {"guid": 5, "documents": []}])  # fmt: skip
def test_a_twin_that_is_no_message_at_all_is_refused(value: object) -> None:
    assert twin.read(value, catalog.message("CEB311"))[1]


@pytest.mark.parametrize("edition", catalog.EDITIONS)
@pytest.mark.parametrize("side", ["import", "export"])
def test_the_schema_of_a_side_judges_as_the_schemas_of_its_messages(side: str, edition: str) -> None:
    schema = compile_xsd(catalog.side_xsd(side, edition))
    messages = [mt for mt in catalog.messages() if mt.side in (side, "both") and edition in mt.editions]
    assert len(messages) == {"import": 19, "export": 24 if edition == "202205" else 20}[side]
    for mt in messages:
        root = etree.fromstring(made.message(mt, seed=1, edition=edition, whole=True))
        assert schema(root)
        for seed in range(40):
            spoilt = etree.fromstring(etree.tostring(mutations.mutated(root, seed)[0]))
            if catalog.message_of(spoilt) is mt:
                assert schema(spoilt) == catalog.validator(mt, edition)(spoilt), (mt.type, seed)


@pytest.mark.parametrize(("side", "edition"), [("both", "2018"), ("import", "1999"), ("", "202205")])
def test_there_is_no_schema_of_another_side_or_edition(side: str, edition: str) -> None:
    with pytest.raises(ValueError, match="no schema"):
        catalog.side_xsd(side, edition)


def test_the_page_says_whose_text_asks_for_a_signature_the_schema_does_not_want() -> None:
    asked = {mt.type for mt in message_types().values() if "the 2018 and 202205 texts ask" in message_page(mt)}
    assert asked == {"CEB507", "CEB509", "CEB603", "CEB605", "CEB607", "CEB701"}
    assert "the 2018 text asks" in message_page(message_types()["CEB303"])
