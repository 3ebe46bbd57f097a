"""What happened in the last hour before the simulator started: somebody's sign-in is guessed, and what they see taken.

Random events show how much an analytics rule has to leave alone; this is what one is there for.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from local.onepassword.directory import LOWER, Directory, Place, Whereabouts, encode, is_service
from local.onepassword.events import derived_uuid
from local.onepassword.timestamps import HOUR, MINUTE, SECOND, format_rfc3339

STORY_SPAN: Final = HOUR
_VICTIM: Final = 30  # an administrator, with an e-mail address and of this company
_COLLEAGUE: Final = 32  # another one, who ends it
_SPRAYED: Final = 12
_GUESSES: Final = 12
_REVEALED: Final = 36
_EXPORTED: Final = 6
_SIGNED_IN: Final = 29 * MINUTE  # that long ago


class Scene(NamedTuple):
    """An event: when it happened, in nanoseconds since 1970, and all that it says besides its uuid and that."""

    moment: int
    fields: dict[str, Any]

    def edit(self, event: bytes) -> bytes:
        """Put it in place of an event."""
        original = json.loads(event)
        return encode({"uuid": original["uuid"], "timestamp": original["timestamp"], **self.fields}).encode()


class Story:
    """The scenes of each stream of an account, the same for the same directory."""

    def __init__(self, directory: Directory, now: int) -> None:
        self._directory = directory
        self._now = now
        self._session = self._uuid("session").upper()
        home = directory.homes[_VICTIM]
        self._blocked_at, self._taken_from = self._far_away(home)
        self.scenes = {
            "signinattempts": list(self._signins(home)),
            "auditevents": list(self._audit_events()),
            "itemusages": list(self._item_usages()),
        }

    def _signins(self, home: Whereabouts) -> Iterator[Scene]:
        yield self._signin(55 * MINUTE, _VICTIM, home, "success", "credentials_ok")
        people = [number for number in range(len(self._directory.people)) if not is_service(number)][:_SPRAYED]
        for turn, number in enumerate(people):
            ago = 50 * MINUTE - turn * 20 * SECOND
            yield self._signin(ago, number, self._taken_from, "credentials_failed", "password_secret_bad")
        for turn in range(_GUESSES):
            ago = 43 * MINUTE - turn * 30 * SECOND
            yield self._signin(ago, _VICTIM, self._taken_from, "credentials_failed", "password_secret_bad")
        blocked = {"details": {"value": self._blocked_at.place.code}}
        yield self._signin(35 * MINUTE, _VICTIM, self._blocked_at, "firewall_failed", "country_blocked", **blocked)
        for turn in range(3):
            yield self._signin((33 - turn) * MINUTE, _VICTIM, self._taken_from, "mfa_failed", "totp_bad")
        taken = {"session_uuid": self._session}
        yield self._signin(_SIGNED_IN, _VICTIM, self._taken_from, "success", "mfa_ok", **taken)

    def _audit_events(self) -> Iterator[Scene]:
        victim, service_account = self._details(_VICTIM), self._uuid("service account")
        itself: dict[str, Any] = {"object_uuid": victim["uuid"], "object_details": victim}
        access = {"object_uuid": self._directory.vaults[0], "aux_uuid": victim["uuid"], "aux_details": victim}
        group = {"object_uuid": self._directory.groups[0], "aux_uuid": victim["uuid"], "aux_details": victim}
        yield self._audit(26, "updatfw", "account", object_uuid=self._directory.account_uuid)
        yield self._audit(25, "disblmfa", "user", **itself)
        yield self._audit(23, "join", "gm", **group, aux_info="A")
        yield self._audit(22, "grant", "uva", **access)
        yield self._audit(20, "create", "invite", object_uuid=self._uuid("invite"), aux_info="helpdesk@example.net")
        yield self._audit(19, "create", "sa", object_uuid=service_account, aux_info="backup")
        yield self._audit(
            18.5, "create", "satoken", object_uuid=self._uuid("token"), aux_uuid=service_account, aux_info="backup"
        )
        yield self._audit(7, "export", "vault", object_uuid=self._directory.vaults[0])
        yield self._audit(2, "suspend", "user", _COLLEAGUE, self._directory.homes[_COLLEAGUE], **itself)

    def _item_usages(self) -> Iterator[Scene]:
        for turn in range(_REVEALED):
            yield self._usage(16 * MINUTE - turn * 10 * SECOND, turn, "reveal")
        for turn in range(_EXPORTED):
            yield self._usage(7 * MINUTE - turn * SECOND, turn, "export")

    def _signin(self, ago: int, number: int, where: Whereabouts, category: str, kind: str, **changes: Any) -> Scene:
        fields = {
            "session_uuid": self._uuid(f"session {ago}").upper(),
            "country": where.place.code,
            "category": category,
            "type": kind,
            "details": None,
            "target_user": json.loads(self._directory.people[number].users[0]),
            "client": _client(where),
            "location": _location(where.place),
            "account_uuid": self._directory.account_uuid,
            **changes,
        }
        return Scene(self._now - ago, fields)

    def _usage(self, ago: int, item: int, action: str) -> Scene:
        fields = {
            "used_version": 1,
            "vault_uuid": self._directory.vaults[0],
            "item_uuid": self._directory.items[item],
            "action": action,
            "user": json.loads(self._directory.people[_VICTIM].users[0]),
            "client": _client(self._taken_from),
            "location": _location(self._taken_from.place),
            "account_uuid": self._directory.account_uuid,
        }
        return Scene(self._now - ago, fields)

    def _audit(
        self,
        minutes_ago: float,
        action: str,
        object_type: str,
        number: int = _VICTIM,
        where: Whereabouts | None = None,
        **changes: Any,
    ) -> Scene:
        where = where or self._taken_from
        actor = json.loads("{" + self._directory.people[number].actors[0] + "}")
        session = {
            "uuid": self._session if number == _VICTIM else self._directory.sessions[number][0],
            "login_time": format_rfc3339(self._now - _SIGNED_IN),
            "device_uuid": self._uuid("device") if number == _VICTIM else self._directory.devices[number][0],
            "ip": where.addresses[0],
        }
        fields = {**actor, "action": action, "object_type": object_type, **changes}
        happened = self._now - int(minutes_ago * MINUTE)
        return Scene(happened, {**fields, "session": session, "location": _location(where.place)})

    def _far_away(self, home: Whereabouts) -> Iterator[Whereabouts]:
        """Two places on other continents, with addresses that nobody else has."""
        seen = {home.place.continent}
        unused = (each for number in range(1, 255) if (each := f"203.0.113.{number}") not in self._directory.addresses)
        for _ in range(2):
            place = next(place for place in self._directory.places if place.continent not in seen)
            seen.add(place.continent)
            yield Whereabouts(place, (self._directory.clients[7],), (next(unused),))

    def _details(self, number: int) -> dict[str, Any]:
        details: dict[str, Any] = json.loads(self._directory.people[number].details)
        return details

    def _uuid(self, what: str) -> str:
        return derived_uuid("story", self._directory.account_uuid, what, alphabet=LOWER)


def _client(where: Whereabouts) -> dict[str, Any]:
    client: dict[str, Any] = json.loads(f'{where.clients[0]}{where.addresses[0]}"}}')
    return client


def _location(place: Place) -> dict[str, Any]:
    location: dict[str, Any] = json.loads("{" + place.locations[0].removeprefix(",") + "}")["location"]
    return location
