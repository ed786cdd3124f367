"""The read model in PostgreSQL, read: the web's port ``ReadModel``. Every query is bounded in rows and in time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from hub import codec
from hub.domain import exports
from hub.domain.deliveries import DeliveryReport
from hub.domain.desk import Case
from hub.domain.events import Alert, Answer, Assessment, HandOverOutcome, Hold, Profile, Status, SubmissionSummary
from hub.domain.faults import Unavailable
from hub.domain.keys import china_day, china_midnight
from hub.domain.kinds import KINDS
from hub.domain.orders import LEVELS
from hub.domain.reading import (
    ASSESSED_OF_DAY,
    CLEARING,
    CONFIRMING,
    DRAWN,
    EXAMINED,
    HITS_OF_DAY,
    OVERDUE,
    SHADOW_OF_DAY,
    SUMMARISE,
    AlertFilter,
    CaseFilter,
    DeskFilter,
    HandOverRow,
    Place,
    RuleFigures,
    Scope,
    Search,
    SummaryGroup,
    Throughput,
)
from hub.domain.summary import Closed, Goods
from hub.infra.readmodel import AWAY

_summary = msgspec.json.Decoder(SubmissionSummary).decode
_goods = msgspec.json.Decoder(tuple[str, Goods]).decode
#: Keys a number may lead to; a submission of a hundred documents has a hundred.
MOST_KEYS = 500
QUERY_SECONDS = 5


class PostgresReader:
    """Reads; ``scope`` says whose rows: one principal's, some kinds, all."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool[Any] | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=8,
                    timeout=3,
                    command_timeout=QUERY_SECONDS,
                    server_settings={"application_name": "hub serve", "default_transaction_read_only": "on"},
                )
            async with self._pool.acquire(timeout=QUERY_SECONDS) as connection:
                yield connection
        except AWAY as error:
            raise Unavailable("PostgreSQL") from error

    async def _fetch(self, query: str, *values: object) -> list[Any]:
        async with self._connection() as connection:
            return list(await connection.fetch(query, *values))

    async def ping(self) -> None:
        """Raises Unavailable where PostgreSQL does not answer."""
        await self._fetch("SELECT 1 FROM projector_offsets LIMIT 1")

    # ---- documents ----

    async def keys_of(self, number: str) -> list[str]:
        """Register keys of the documents any number leads to; empty where it is unknown.

        A summary's number leads to thousands of declarations: what is not one comes first, lest it be cut off.
        """
        platform, _, order = number.partition(":")
        bill = _TAX_BILL.fullmatch(number)
        rows = await self._fetch(
            """
            SELECT key FROM (
            SELECT key FROM documents WHERE key = ANY($1::text[])
            UNION SELECT key FROM documents WHERE split_part(key, ':', -1) = $2
            UNION SELECT n.key FROM numbers AS n JOIN documents AS d USING (key) WHERE n.number IN ($2, $6)
            UNION SELECT key FROM documents WHERE order_no = $2
            UNION SELECT key FROM documents WHERE order_no = $4 AND $4 <> '' AND platform = $3
            UNION SELECT entry ->> 1 || '/' || (entry ->> 2)
                FROM submissions, json_array_elements(body -> 'documents') AS entry WHERE id = $2
            ) AS found ORDER BY starts_with(key, 'declaration/'), key LIMIT $5
            """,
            [number, *(f"{kind}/{number}" for kind in KINDS)],
            number,
            platform,
            order,
            MOST_KEYS,
            bill[1] if bill else number,
        )
        return [row[0] for row in rows]

    async def statuses(self, keys: Iterable[str]) -> list[Status]:
        """What is known of these register keys, oldest first."""
        rows = await self._fetch(
            "SELECT body FROM documents WHERE key = ANY($1::text[]) ORDER BY received_at, key", sorted(set(keys))
        )
        return [codec.status(row[0]) for row in rows]

    async def of_order(self, platform: str, order: str) -> list[Status]:
        """The documents that name this platform and order number."""
        rows = await self._fetch(
            """SELECT body FROM documents WHERE order_no = $2 AND order_no <> '' AND platform = $1
               ORDER BY received_at, key LIMIT 100""",
            platform,
            order,
        )
        return [codec.status(row[0]) for row in rows]

    async def search(self, search: Search, scope: Scope) -> list[Status]:
        """Documents of a time range, newest first."""
        conditions, values = ["received_at >= $1", "received_at < $2"], [search.since, search.until]

        def condition(text: str, value: object) -> None:
            values.append(value)  # type: ignore[arg-type]
            conditions.append(text.format(f"${len(values)}"))

        if scope.principal is not None:
            condition("principal = {}", scope.principal)
        if scope.kinds is not None:
            condition("kind = ANY({}::text[])", list(scope.kinds))
        if search.kind:
            condition("kind = {}", search.kind)
        if search.state:
            values.append(search.now)
            due = f"{_DUE_WORD} = {{0}} AND later_from <= ${len(values)}".replace("$now", f"${len(values)}")
            condition(f"(state = {{0}} OR code = {{0}} OR need = {{0}} OR (need = '' AND later <> '' AND {due}))", search.state)
        if search.enterprise:
            condition(
                "(principal = {0} OR platform = {0} OR merchant = {0} OR split_part(key, ':', 1) = kind || '/' || {0} "
                "OR (kind = 'order' AND split_part(key, ':', 2) = {0}))",
                search.enterprise,
            )
        if search.office:
            condition("office = {}", search.office)
        if search.keys is not None:
            condition("key = ANY({}::text[])", list(search.keys))
        rows = await self._fetch(
            f"SELECT body FROM documents WHERE {' AND '.join(conditions)} "
            f"ORDER BY received_at DESC, key LIMIT {int(search.limit)} OFFSET {int(search.skip)}",
            *values,
        )
        return [codec.status(row[0]) for row in rows]

    async def keys_about(self, numbers: Iterable[str], kinds: Iterable[str], limit: int) -> list[str]:
        """Register keys of documents of these kinds that one of these numbers (not of the key or order) leads to."""
        rows = await self._fetch(
            """SELECT DISTINCT key FROM numbers WHERE number = ANY($1::text[]) AND split_part(key, '/', 1) = ANY($2::text[])
               ORDER BY key LIMIT $3""",
            sorted(set(numbers)),
            list(kinds),
            limit,
        )
        return [row[0] for row in rows]

    async def of_bill(self, bill: str, kinds: Iterable[str], limit: int) -> list[Status]:
        """Documents of these kinds that speak of a master bill, or whose goods travel under it."""
        rows = await self._fetch(
            """SELECT body FROM documents WHERE bill = $1 AND bill <> '' AND kind = ANY($2::text[])
               ORDER BY received_at, key LIMIT $3""",
            bill,
            list(kinds),
            limit,
        )
        return [codec.status(row[0]) for row in rows]

    async def worklist(self, scope: Scope, limit: int, now: int) -> list[Status]:
        """What needs somebody, oldest first; also what only time has made a need of by ``now``, but for summaries."""
        rows = await self._fetch(
            f"""SELECT body FROM (
                (SELECT body, received_at FROM documents WHERE need <> '' AND {_IN_SCOPE} ORDER BY received_at LIMIT $3)
                UNION ALL
                (SELECT body, received_at FROM documents WHERE need = '' AND later <> '' AND later <> $5
                    AND later_from <= $4 AND {_IN_SCOPE} ORDER BY received_at LIMIT $3)
            ) AS open ORDER BY received_at LIMIT $3""",
            *scope,
            limit,
            now,
            SUMMARISE,
        )
        return [codec.status(row[0]) for row in rows]

    async def needs(self, scope: Scope, now: int) -> dict[str, tuple[int, int]]:
        """{need: (how many documents, received_at of the oldest)}; summaries are counted by their groups."""
        rows = await self._fetch(
            f"""SELECT need, count(*), min(received_at) FROM documents WHERE need <> '' AND {_IN_SCOPE} GROUP BY need
                UNION ALL
                SELECT {_DUE_WORD.replace("$now", "$3")} AS need, count(*), min(received_at) FROM documents
                WHERE need = '' AND later <> '' AND later <> $4 AND later_from <= $3 AND {_IN_SCOPE} GROUP BY 1""",
            *scope,
            now,
            SUMMARISE,
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    async def summary_groups(self, scope: Scope, limit: int = 200) -> list[SummaryGroup]:
        """Closed export declarations that no summary names, by declarant and the day they are due; the first due first."""
        rows = await self._fetch(
            f"""SELECT {_DECLARANT} AS declarant, later_by, count(*), min(later_from) FROM documents
                WHERE later = $3 AND later <> '' AND {_IN_SCOPE} GROUP BY 1, 2 ORDER BY 2, 1 LIMIT $4""",
            *scope,
            SUMMARISE,
            limit,
        )
        return [SummaryGroup(*row) for row in rows]

    async def to_summarise(self, scope: Scope, by: int, declarant: str, limit: int) -> list[Closed]:
        """Of these declarations what decides where they are merged; ``declarant`` empty: every one in scope."""
        rows = await self._fetch(
            f"""SELECT {_DECLARANT}, goods FROM documents
                WHERE later = $3 AND later <> '' AND later_by = $4 AND ($5 = '' OR {_DECLARANT} = $5) AND goods <> '' AND {_IN_SCOPE}
                ORDER BY key LIMIT $6""",
            *scope,
            SUMMARISE,
            by,
            declarant,
            limit,
        )
        return [Closed(row[0], *_goods(row[1])) for row in rows]

    # ---- submissions ----

    async def submission(self, submission: str) -> tuple[SubmissionSummary, Place] | None:
        """An acknowledged submission and where its record lies."""
        rows = await self._fetch('SELECT body, partition, "offset" FROM submissions WHERE id = $1', submission)
        return (_summary(rows[0][0]), Place(rows[0][1], rows[0][2])) if rows else None

    async def refusal(self, submission: str) -> tuple[SubmissionSummary, Place] | None:
        """The last refusal of that id."""
        rows = await self._fetch(
            'SELECT body, partition, "offset" FROM refusals WHERE id = $1 ORDER BY received_at DESC LIMIT 1', submission
        )
        return (_summary(rows[0][0]), Place(rows[0][1], rows[0][2])) if rows else None

    async def handed_in(self, scope: Scope, refused: bool, limit: int) -> list[SubmissionSummary]:
        """The newest submissions, or the newest refusals."""
        table = "refusals" if refused else "submissions"
        rows = await self._fetch(
            f"SELECT body FROM {table} WHERE $1::text IS NULL OR principal = $1 ORDER BY received_at DESC LIMIT $2",
            scope.principal,
            limit,
        )
        return [_summary(row[0]) for row in rows]

    async def hand_overs(self, submissions: Iterable[str]) -> list[HandOverRow]:
        """What became of the hand-overs of these submissions."""
        rows = await self._fetch(
            """SELECT submission, recipient, part, outcome, at, attempts, note FROM hand_overs
               WHERE submission = ANY($1::text[]) ORDER BY at, recipient, part""",
            sorted(set(submissions)),
        )
        return [HandOverRow(*row) for row in rows]

    # ---- deliveries ----

    async def delivery_reports(self, recipients: Iterable[str]) -> list[DeliveryReport]:
        """How these recipients stand, a report for each process."""
        rows = await self._fetch(
            "SELECT body FROM deliveries WHERE recipient = ANY($1::text[]) ORDER BY recipient, instance", sorted(set(recipients))
        )
        return [codec.delivery_report(row[0]) for row in rows]

    async def parked(self, recipients: Iterable[str], each: int) -> list[HandOverOutcome]:
        """What is parked for these recipients, of each the oldest."""
        rows = await self._fetch(
            """SELECT submission, part, recipient, sender, message, outcome, at, attempts, note, 0, topic, partition, "offset"
               FROM unnest($1::text[]) AS wanted(name) CROSS JOIN LATERAL (
                 SELECT * FROM hand_overs WHERE recipient = wanted.name AND outcome = 'parked' ORDER BY at LIMIT $2
               ) AS found ORDER BY recipient, at""",
            sorted(set(recipients)),
            each,
        )
        return [HandOverOutcome(*row) for row in rows]

    async def parked_counts(self, recipients: Iterable[str]) -> dict[str, int]:
        """How many items are parked for each of these that have any."""
        rows = await self._fetch(
            "SELECT recipient, count(*) FROM hand_overs WHERE recipient = ANY($1::text[]) AND outcome = 'parked' GROUP BY recipient",
            sorted(set(recipients)),
        )
        return {row[0]: row[1] for row in rows}

    # ---- officers ----

    async def profile(self, enterprise: str) -> Profile | None:
        """What observe knows of an enterprise."""
        rows = await self._fetch("SELECT body FROM profiles WHERE enterprise = $1", enterprise)
        return codec.profile(rows[0][0]) if rows else None

    async def hold(self, submission: str) -> Hold | None:
        """What orders of authorities do with a message."""
        rows = await self._fetch("SELECT body FROM holds WHERE submission = $1", submission)
        return codec.hold(rows[0][0]) if rows else None

    async def holds(self, state: str, authorities: Sequence[str] | None, limit: int) -> list[Hold]:
        """Messages in a state that orders of these authorities (None: of any) are about: held ones as they go on, else the newest."""
        rows = await self._fetch(
            """SELECT body FROM holds WHERE state = $1 AND ($2::text[] IS NULL OR authorities ?| $2)
               ORDER BY CASE WHEN state = 'held' THEN until ELSE -since END, submission LIMIT $3""",
            state,
            None if authorities is None else list(authorities),
            limit,
        )
        return [codec.hold(row[0]) for row in rows]

    async def assessment(self, declaration: str) -> Assessment | None:
        """The current assessment of a declaration (register key)."""
        rows = await self._fetch(
            """SELECT body FROM assessments WHERE declaration = $1 ORDER BY revision DESC, "offset" DESC LIMIT 1""",
            declaration,
        )
        return codec.assessment(rows[0][0]) if rows else None

    async def alert(self, alert: str) -> Alert | None:
        """One alert."""
        rows = await self._fetch("SELECT body FROM alerts WHERE id = $1", alert)
        return codec.alert(rows[0][0]) if rows else None

    async def alerts(self, wanted: AlertFilter) -> list[Alert]:
        """The newest alerts of a filter, in order of time."""
        rows = await self._fetch(
            f"""SELECT body FROM alerts
               WHERE ($1 = '' OR severity = $1) AND ($2 = '' OR family = $2) AND ($3 = '' OR rule = $3)
                 AND ($4 = '' OR enterprises ? $4) AND ($5 = '' OR agency ? $5) AND ($6 = '' OR body::jsonb->>'office' = $6)
                 AND {_STATE.format(8)} AND ($9 = '' OR assignee = $9) AND {_UNIT.format(10)}
               ORDER BY at DESC, id DESC LIMIT $7""",
            wanted.severity,
            wanted.family,
            wanted.rule,
            wanted.enterprise,
            wanted.agency,
            wanted.office,
            wanted.limit,
            wanted.state,
            wanted.assignee,
            wanted.unit,
        )
        return [codec.alert(row[0]) for row in rows[::-1]]

    async def alerts_of(self, ids: Iterable[str]) -> list[Alert]:
        """The alerts of these ids that are there."""
        rows = await self._fetch("SELECT body FROM alerts WHERE id = ANY($1::text[]) ORDER BY at, id", sorted(set(ids)))
        return [codec.alert(row[0]) for row in rows]

    async def at_desk(self, wanted: DeskFilter) -> list[Alert]:
        """Alerts of a filter, those nobody acts on first, then the gravest, then the oldest."""
        rows = await self._fetch(
            f"""SELECT body FROM alerts WHERE {_AT_DESK} AND ($3 = '' OR severity = $3)
                ORDER BY array_position($9::text[], severity) DESC, at, id LIMIT $10 OFFSET $11""",
            *_at_desk(wanted),
            list(LEVELS),
            wanted.limit,
            wanted.skip,
        )
        return [codec.alert(row[0]) for row in rows]

    async def desk_counts(self, wanted: DeskFilter) -> dict[str, int]:
        """Severity → how many alerts of a filter have it, whatever severity the filter names."""
        rows = await self._fetch(
            f"SELECT severity, count(*) FROM alerts WHERE {_AT_DESK} AND $3::text IS NOT NULL GROUP BY 1", *_at_desk(wanted)
        )
        return {row[0]: row[1] for row in rows}

    async def cases_of(self, ids: Iterable[str]) -> list[Case]:
        """The cases of these ids that are there."""
        rows = await self._fetch("SELECT body FROM cases WHERE id = ANY($1::text[])", sorted(set(ids)))
        return [codec.case(row[0]) for row in rows]

    async def cases(self, wanted: CaseFilter) -> list[Case]:
        """Cases of a filter, the gravest first, then the oldest."""
        rows = await self._fetch(
            f"""SELECT body FROM cases WHERE ($1::text[] IS NULL OR authorities ?| $1) AND {_STATE.format(2)}
                AND ($3 = '' OR assignee = $3) AND ($4 = '' OR severity = $4) AND ($5 = '' OR owner = $5)
                AND (NOT $6::boolean OR late) ORDER BY gravity DESC, opened_at, id LIMIT $7 OFFSET $8""",
            None if wanted.authorities is None else list(wanted.authorities),
            wanted.state,
            wanted.assignee,
            wanted.severity,
            wanted.authority,
            wanted.overdue,
            wanted.limit,
            wanted.skip,
        )
        return [codec.case(row[0]) for row in rows]

    async def export_register(self, wanted: exports.Query) -> list[exports.Entry]:
        """Lines of the register, in the order of their reception."""
        rows = await self._fetch(
            """SELECT r.declaration, r.revision, r.line, r.merchant, r.mode, r.received_at, r.date, r.name, r.unit, r.qty,
                      r.price, r.total, r.currency,
                      NOT EXISTS (SELECT 1 FROM export_register AS l
                                  WHERE l.declaration = r.declaration AND l.revision > r.revision),
                      coalesce(d.state, ''), coalesce(d.code, '')
               FROM export_register AS r LEFT JOIN documents AS d ON d.key = r.declaration
               WHERE ($1::text[] IS NULL OR r.merchant = ANY($1)) AND r.received_at >= $2 AND r.received_at < $3
               ORDER BY r.received_at, r.declaration, r.revision, r.line OFFSET $4 LIMIT $5""",
            None if wanted.merchants is None else list(wanted.merchants),
            wanted.first,
            wanted.end,
            wanted.skip,
            wanted.limit,
        )
        return [exports.Entry(*row) for row in rows]

    async def rule_figures(self, first: int, last: int) -> RuleFigures:
        """What the rules found on the days from ``first`` to ``last`` (ms, any moment of each; China time)."""
        days = range(china_midnight(first) // 1000, china_midnight(last) // 1000 + 1, 86_400)
        counted = await self._fetch(
            """SELECT measure, kind, sum(n)::bigint FROM throughput
               WHERE second = ANY($1::bigint[]) AND principal = '' AND measure = ANY($2::text[]) GROUP BY 1, 2""",
            list(days),
            [ASSESSED_OF_DAY, HITS_OF_DAY, SHADOW_OF_DAY],
        )
        outcomes = await self._fetch(
            """SELECT h.rule, count(*) FILTER (WHERE d.code = ANY($3::text[]) AND (h.rule, d.code) <> ($5, $6)),
                      count(*) FILTER (WHERE d.code = ANY($4::text[])), count(*)
               FROM rule_hits AS h JOIN documents AS d ON d.key = h.declaration
               WHERE h.day >= $1 AND h.day <= $2 GROUP BY 1""",
            china_day(first),
            china_day(last),
            list(CONFIRMING),
            list(CLEARING),
            DRAWN,
            EXAMINED,
        )
        verdicts = await self._fetch(
            """SELECT rule, count(*) FILTER (WHERE verdict = 'true'), count(*) FILTER (WHERE verdict = 'false'),
                      count(*) FILTER (WHERE verdict = '') FROM alerts WHERE day >= $1 AND day <= $2 GROUP BY 1""",
            china_day(first),
            china_day(last),
        )
        drawn = next(((row[3], row[1], row[2]) for row in outcomes if row[0] == DRAWN), (0, 0, 0))
        of = {measure: {row[1]: row[2] for row in counted if row[0] == measure} for measure in (HITS_OF_DAY, SHADOW_OF_DAY)}
        return RuleFigures(
            assessed=sum(row[2] for row in counted if row[0] == ASSESSED_OF_DAY),
            hits=of[HITS_OF_DAY],
            shadow=of[SHADOW_OF_DAY],
            outcomes={row[0]: (row[1], row[2]) for row in outcomes if row[0] != DRAWN},
            drawn=drawn,
            verdicts={row[0]: (row[1], row[2], row[3]) for row in verdicts},
        )

    # ---- receipts ----

    async def answers(self, participant: str, after: Place, limit: int) -> list[tuple[Answer, Place]]:
        """A participant's receipts behind a place in the log, in the log's order."""
        rows = await self._fetch(
            """SELECT body, partition, "offset" FROM answers
               WHERE participant = $1 AND (partition, "offset") > ($2, $3) ORDER BY partition, "offset" LIMIT $4""",
            participant,
            after.partition,
            after.offset,
            limit,
        )
        return [(codec.answer(row[0]), Place(row[1], row[2])) for row in rows]

    async def told(self, ids: Sequence[str]) -> set[str]:
        """Those of these answers that participants have been given."""
        return {row[0] for row in await self._fetch("SELECT id FROM answers WHERE id = ANY($1)", list(ids))}

    # ---- throughput ----

    async def throughput(self, scope: Scope, since: int, until: int, breakdown: int) -> Throughput:
        """Counts by second in [since, until) (seconds), and by platform and office of the last ``breakdown`` seconds."""
        async with self._connection() as connection:
            seconds = await connection.fetch(
                """SELECT second, measure, kind, sum(n)::bigint FROM throughput
                   WHERE second >= $1 AND second < $2 AND ($3::text IS NULL OR principal = $3) GROUP BY 1, 2, 3""",
                since,
                until,
                scope.principal,
            )
            parts = await connection.fetch(
                """SELECT kind, platform, office, count(*) FROM documents
                   WHERE received_at >= $1 AND received_at < $2 AND ($3::text IS NULL OR principal = $3)
                   GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 200""",
                (until - breakdown) * 1000,
                until * 1000,
                scope.principal,
            )
            steps = await connection.fetch(_STEPS, (until - 3600) * 1000, scope.principal)
        return Throughput(
            seconds=[(row[0], row[1], row[2], row[3]) for row in seconds],
            parts=[(row[0], row[1], row[2], row[3]) for row in parts],
            latency={row["step"]: [float(value) for value in row["p"]] for row in steps if row["p"]},
            sample=max((row["n"] for row in steps), default=0),
        )

    async def applied(self) -> dict[tuple[str, int], int]:
        """How far the projector has come: {(topic, partition): next offset}."""
        rows = await self._fetch("SELECT topic, partition, next_offset FROM projector_offsets")
        return {(row[0], row[1]): row[2] for row in rows}


#: An alert's or case's state as a filter names it, in the parameter of a number.
_STATE = "(${0} = '' OR state = ${0} OR (${0} = 'open' AND state <> 'closed'))"
#: The part of customs an alert is addressed to, in the parameter of a number.
_UNIT = "(${0} = '' OR body::jsonb#>>'{{evidence,unit}}' = ${0})"
#: What the console's list asks for as the first eight parameters; an alert that names no agency is every officer's.
_AT_DESK = f"""($1::text[] IS NULL OR agency = '[]'::jsonb OR agency ?| $1 OR shared ?| $1) AND {_STATE.format(2)}
    AND ($4 = '' OR assignee = $4) AND ($5 = '' OR rule = $5) AND ($6 = '' OR enterprises ? $6) AND (NOT $7::boolean OR escalated > 0)
    AND {_UNIT.format(8)}"""


def _at_desk(wanted: DeskFilter) -> tuple[object, ...]:
    authorities = None if wanted.authorities is None else list(wanted.authorities)
    return (
        authorities, wanted.state, wanted.severity, wanted.assignee, wanted.rule, wanted.enterprise, wanted.escalated, wanted.unit,
    )  # fmt: skip


#: A tax bill's number (taxNo) is the declaration's with a count behind it.
_TAX_BILL = re.compile(r"([0-9]{8}[IE][0-9]{9})_[0-9]+")
#: Scope as the first two parameters.
_IN_SCOPE = "($1::text IS NULL OR principal = $1) AND ($2::text[] IS NULL OR kind = ANY($2))"
#: The agent's code of a declaration's key.
_DECLARANT = "split_part(split_part(key, '/', 2), ':', 1)"
#: The word of a need that time has made, at ``$now`` (hub.domain.reading.need_at).
_DUE_WORD = f"later || CASE WHEN later_by <= $now THEN '{OVERDUE}' ELSE '' END"

#: From reception to each step, of the newest declarations of an hour that have made it.
_STEPS = """
WITH sample AS (
    SELECT received_at, matched_at, assessed_at, handed_at, released_at FROM documents
    WHERE kind = 'declaration' AND received_at >= $1 AND ($2::text IS NULL OR principal = $2)
    ORDER BY received_at DESC LIMIT 5000
)
SELECT step, count(*) AS n, percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms) AS p FROM (
    SELECT 'match' AS step, matched_at - received_at AS ms FROM sample WHERE matched_at > 0
    UNION ALL SELECT 'assessment', assessed_at - received_at FROM sample WHERE assessed_at > 0
    UNION ALL SELECT 'hand-over', handed_at - received_at FROM sample WHERE handed_at > 0
    UNION ALL SELECT 'release', released_at - received_at FROM sample WHERE released_at > 0
) AS steps GROUP BY step
"""
