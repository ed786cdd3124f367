"""Kinds of document: what the catalogue calls them (``MessageType.kind``), and the groups stages treat alike."""

ORDER, PAYMENT, COLLECTION, WAYBILL, DECLARATION = "order", "payment", "collection", "waybill", "declaration"
WAYBILL_STATUS, CANCELLATION, RETURN, RETURN_TALLY = "waybill_status", "cancellation", "return", "return_tally"
WAREHOUSE_ENTRY, CONSOLIDATION, ARRIVAL, DEPARTURE = "warehouse_entry", "consolidation", "arrival", "departure"
SUMMARY, RECEIPT = "summary", "receipt"
#: Kinds that are put together by their order's number.
MATCHED_KINDS = (ORDER, PAYMENT, COLLECTION, WAYBILL, DECLARATION)
#: What an import sale consists of.
IMPORT_KINDS = (ORDER, PAYMENT, WAYBILL, DECLARATION)
#: Kinds that speak of the parcels of a master bill, and take effect when all their parts are here.
BILL_KINDS = (WAREHOUSE_ENTRY, CONSOLIDATION, ARRIVAL, DEPARTURE)
#: Bill kind → (the word told to its parcels, the fact it sets).
BILL_WORDS = {
    WAREHOUSE_ENTRY: ("in the warehouse", "warehoused"),
    CONSOLIDATION: ("consolidated", "consolidated"),
    ARRIVAL: ("arrived at the site", "arrived"),
    DEPARTURE: ("left the country", "departed"),
}
#: Kinds that apply for something about a declaration.
APPLICATION_KINDS = (CANCELLATION, RETURN, RETURN_TALLY)
#: Every kind of document an enterprise hands in (the catalogue may know more: ``schemas.catalog``).
KINDS = (*MATCHED_KINDS, WAYBILL_STATUS, CANCELLATION, RETURN, RETURN_TALLY, *BILL_KINDS, SUMMARY)
IMPORT, EXPORT = "import", "export"
