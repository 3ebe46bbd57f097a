"""Deterministic events: every one follows from (seed, event type, index), so a log of them needs no memory."""

import hashlib
from struct import Struct
from typing import Final

from local.onepassword.directory import DOMAIN, LOWER, UPPER, Directory, Whereabouts
from local.onepassword.timestamps import MINUTE, format_rfc3339
from local.onepassword.vocabulary import AUDIT_TABLE, ITEM_USAGE_TABLE, SIGNIN_TABLE, AuditPair

EVENT_TYPES: Final = ("signinattempts", "itemusages", "auditevents")

# One 64-byte digest decides an event: 26 bytes are its uuid, 5 belong to its place in time (log.py), the rest
# are the draws below.
TIME_DRAWS: Final = slice(26, 31)
_DRAWS: Final = Struct("<31x8H8BIIx")
_LOGIN_STEP: Final = 10_007  # nanoseconds; times 32 random bits: a session began up to 12 hours ago
_ELSEWHERE: Final = 16  # of 65,536: on a journey, or behind somebody's VPN
_ALWAYS_UTC: Final = 250  # of 256: the remaining few carry an offset, as the examples in 1Password's docs do


def derived_uuid(*parts: object, alphabet: bytes = UPPER) -> str:
    """A 26-letter identifier that is the same for the same parts."""
    text = "\0".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=26).digest().translate(alphabet).decode()


class EventSource:
    """Renders the events of one stream of one account as compact JSON.

    An event is named by its index; its time is given by the log, because it depends on when the event arrived.
    """

    def __init__(self, seed: int, event_type: str, directory: Directory) -> None:
        self._key = hashlib.blake2b(f"{seed} {event_type}".encode()).digest()
        self._directory = directory
        self._render = {
            "signinattempts": self._signin,
            "itemusages": self._item_usage,
            "auditevents": self._audit,
        }[event_type]

    def digest(self, index: int) -> bytes:
        """The 64 random bytes that decide everything about an event but its time of arrival."""
        return hashlib.blake2b(index.to_bytes(8, "little"), key=self._key).digest()

    @staticmethod
    def uuid(digest: bytes) -> str:
        """The event's uuid, without rendering the event."""
        return digest[:26].translate(UPPER).decode()

    def render(self, digest: bytes, timestamp: int) -> bytes:
        """The event as the API sends it; ``timestamp`` in nanoseconds since 1970."""
        return self._render(digest, timestamp).encode()

    def _signin(self, digest: bytes, timestamp: int) -> str:
        who, where, outcome, _, client, address, _, _, form, shape, zone, detail, style, *_ = _DRAWS.unpack(digest)
        pools = self._directory
        number = _skewed(who, len(pools.people))
        person = pools.people[number]
        place, clients, addresses = self._whereabouts(number, where)
        category, kind = SIGNIN_TABLE[outcome % len(SIGNIN_TABLE)]
        ip = addresses[address % len(addresses)]
        if category.startswith("firewall"):
            matched = {"continent_blocked": place.continent, "country_blocked": place.code}.get(kind, ip)
            details = f'"details":{{"value":"{matched}"}},'
        else:
            details = '"details":null,' if detail < 200 else ""
        session = digest[::-1][:26].translate(UPPER).decode()
        country = place.code if style < 250 else place.country
        return (
            f'{{"uuid":"{self.uuid(digest)}","session_uuid":"{session}","timestamp":"{_moment(timestamp, zone)}",'
            f'"country":"{country}","category":"{category}","type":"{kind}",{details}'
            f'"target_user":{person.users[form % len(person.users)]},'
            f'"client":{clients[client % len(clients)]}{ip}"}}'
            f"{place.locations[shape % len(place.locations)]}{self._account(style)}}}"
        )

    def _item_usage(self, digest: bytes, timestamp: int) -> str:
        who, where, what, item, client, address, _, _, form, shape, zone, age, style, *_, wide, _ = _DRAWS.unpack(
            digest
        )
        pools = self._directory
        number = _skewed(who, len(pools.people))
        person = pools.people[number]
        place, clients, addresses = self._whereabouts(number, where)
        version = wide if age % 32 == 0 else wide % 40
        # Clients older than 8.4.0 sent no action (1Password docs, item-usage-actions).
        action = f'"action":"{ITEM_USAGE_TABLE[what % len(ITEM_USAGE_TABLE)]}",' if age >= 12 else ""
        return (
            f'{{"uuid":"{self.uuid(digest)}","timestamp":"{_moment(timestamp, zone)}","used_version":{version},'
            f'"vault_uuid":"{pools.vaults[item % 64]}","item_uuid":"{pools.items[item % 4096]}",{action}'
            f'"user":{person.users[form % len(person.users)]},'
            f'"client":{clients[client % len(clients)]}{addresses[address % len(addresses)]}"}}'
            f"{place.locations[shape % len(place.locations)]}{self._account(style)}}}"
        )

    def _audit(self, digest: bytes, timestamp: int) -> str:
        (
            who,
            where,
            what,
            target,
            session,
            address,
            second,
            note,
            form,
            shape,
            zone,
            sparse,
            style,
            *_,
            early,
            wide,
        ) = _DRAWS.unpack(digest)
        pools = self._directory
        number = _skewed(who, len(pools.people))
        actor = pools.people[number]
        place, _, addresses = self._whereabouts(number, where)
        pair = AUDIT_TABLE[what % len(AUDIT_TABLE)]
        login = format_rfc3339(timestamp - MINUTE - early * _LOGIN_STEP)
        device = f'"device_uuid":"{pools.devices[number][target % 6]}",' if sparse >= 16 else ""
        return (
            f'{{"uuid":"{self.uuid(digest)}","timestamp":"{_moment(timestamp, zone)}",'
            f'{actor.actors[form % len(actor.actors)]},"action":"{pair.action}","object_type":"{pair.object_type}",'
            f"{self._object(pair, digest, target, sparse)}{self._aux(pair, second, note, style, wide)}"
            f'"session":{{"uuid":"{pools.sessions[number][session % 24]}","login_time":"{login}",'
            f'{device}"ip":"{addresses[address % len(addresses)]}"}}'
            f"{place.locations[shape % len(place.locations)]}}}"
        )

    def _whereabouts(self, number: int, where: int) -> Whereabouts:
        pools = self._directory
        return pools.elsewhere[where % len(pools.elsewhere)] if where < _ELSEWHERE else pools.homes[number]

    def _object(self, pair: AuditPair, digest: bytes, target: int, sparse: int) -> str:
        pools = self._directory
        if pair.object_type == "user":
            person = pools.people[target % len(pools.people)]
            details = f'"object_details":{person.details},' if sparse >= 8 else '"object_details":null,'
            return f'"object_uuid":"{person.uuid}",{details}'
        if pair.object_type in {"vault", "uva", "gva", "vaultkey"}:
            return f'"object_uuid":"{pools.vaults[target % 64]}",'
        if pair.object_type in {"group", "gm"}:
            return f'"object_uuid":"{pools.groups[target % 32]}",'
        if pair.object_type == "account":
            return f'"object_uuid":"{pools.account_uuid}",'
        return f'"object_uuid":"{digest[26:52].translate(LOWER).decode()}",'

    def _aux(self, pair: AuditPair, second: int, note: int, style: int, wide: int) -> str:
        pools = self._directory
        person = pools.people[second % len(pools.people)]
        # aux_id is int64: a 32-bit column, or a double, damages some of these.
        number = wide << 31 | second if note % 4 == 0 else wide % 100_000
        match pair.aux:
            case "user" | "role":
                text = ('"R"', '"A"')[note % 2] if pair.aux == "role" else pools.notes[note % len(pools.notes)]
                return f'"aux_id":{number},"aux_uuid":"{person.uuid}","aux_details":{person.details},"aux_info":{text},'
            case "group":
                return f'"aux_id":{number},"aux_uuid":"{pools.groups[second % 32]}",'
            case "number":
                return f'"aux_id":{number},'
            case "text" | "mailbox":
                text = _mailbox(second) if pair.aux == "mailbox" else pools.notes[note % len(pools.notes)]
                return f'"aux_info":{text},' if style >= 24 else '"aux_info":null,'
            case _:
                return ""

    def _account(self, style: int) -> str:
        if style >= 16:
            return f',"account_uuid":"{self._directory.account_uuid}"'
        return ',"account_uuid":null' if style >= 8 else ""


def _mailbox(draw: int) -> str:
    return f'"guest{draw % 1000}@example.net"' if draw % 8 == 0 else f'"new{draw % 1000}@{DOMAIN}"'


def _moment(timestamp: int, zone: int) -> str:
    return format_rfc3339(timestamp, -3 if zone >= _ALWAYS_UTC else 0)


def _skewed(draw: int, count: int) -> int:
    """A few people make most of the events, as in any company."""
    return draw * draw * count >> 32
