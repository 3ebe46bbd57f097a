"""Changes of the account's own defences, and of a person's."""

from typing import Final

from tests.content.case import RuleCase
from tests.content.planted import audit, person, signin, usage

SCIM: Final = {"uuid": person("scim")["uuid"], "name": "SCIM", "email": "k3zq@1passwordserviceaccounts.com"}

CASES: Final = [
    RuleCase(
        rule="FirewallRulesChanged",
        fires={
            "a change": [audit("mia", "updatfw", "account")],
            "by somebody without details, from nowhere": [
                audit("mia", "updatfw", "account", actor_details=None, location=None)
            ],
        },
        quiet={
            "another change of the account": [audit("mia", "changenm", "account")],
            "a change of the network's name": [audit("mia", "update", "account", info="updatfw")],
            "a sign-in that the firewall reported": [signin("mia", category="firewall_reported_success")],
        },
        expect={"Actor": "mia@example.com", "SrcIpAddr": "192.0.2.10", "SrcGeoCountry": "Germany"},
    ),
    RuleCase(
        rule="SsoConfigurationChanged",
        fires={
            "turned off": [audit("mia", "disblsso", "sso")],
            "turned on": [audit("mia", "enblsso", "sso")],
            "another way to authenticate": [audit("mia", "chngasso", "sso")],
            "other domains": [audit("mia", "chngdsso", "sso")],
            "another policy": [audit("mia", "chngpsso", "sso")],
            "a group more": [audit("mia", "addgsso", "sso", aux_uuid="g" * 26)],
            "a group less": [audit("mia", "delgsso", "sso", aux_uuid="g" * 26, actor_details=None)],
        },
        quiet={
            "a device set up for it": [audit("tom", "sdvcsso", "device"), audit("tom", "tdvcsso", "device")],
            "a token verified": [audit("tom", "ssotknv", "ssotkn")],
            "a look at it": [audit("mia", "view", "sso")],
            "somebody signs in by it": [signin("tom", kind="federated"), usage("tom", "select-sso-provider")],
        },
        expect={"Actor": "mia@example.com", "Change": "turned off single sign-on", "SrcIpAddr": "192.0.2.10"},
    ),
    RuleCase(
        rule="MfaDisabledForAll",
        fires={
            "one kind, for the account": [audit("mia", "disblmfa", "account", info="totp")],
            "Duo, for the account": [audit("mia", "disblduo", "account")],
            "by somebody without details": [audit("mia", "disblmfa", "account", actor_details=None)],
        },
        quiet={
            "turned on": [audit("mia", "enblmfa", "account"), audit("mia", "enblduo", "account")],
            "changed": [audit("mia", "updatmfa", "account")],
            "turned off for one person": [audit("mia", "disblmfa", "user", subject="tom")],
            "single sign-on turned off": [audit("mia", "disblsso", "sso")],
        },
        expect={
            "Actor": "mia@example.com",
            "ActionName": "turned off two-factor authentication for",
            "AuxInfo": "totp",
        },
    ),
    RuleCase(
        rule="UserMfaChanged",
        fires={
            "turned off by an administrator": [audit("mia", "disblmfa", "user", subject="tom")],
            "turned off by themselves": [audit("tom", "disblmfa", "user", subject="tom")],
            "turned on": [audit("tom", "enblmfa", "user", subject="tom")],
            "changed": [audit("tom", "updatmfa", "user", subject="tom")],
            "Duo": [audit("mia", "disblduo", "user", subject="tom")],
            "of somebody without details": [
                audit("mia", "updatmfa", "user", actor_details=None, object_uuid=person("tom")["uuid"])
            ],
        },
        quiet={
            "for the whole account": [audit("mia", "disblmfa", "account"), audit("mia", "updatmfa", "account")],
            "another change of the person": [audit("tom", "changemp", "user", subject="tom")],
            "a second factor used": [signin("tom", kind="mfa_ok")],
        },
        expect={
            "Actor": "mia@example.com",
            "Subject": "tom@example.com",
            "ByThemselves": False,
            "Severity": "Medium",
        },
    ),
    RuleCase(
        rule="AccountRecoveryByAdministrator",
        fires={
            "completed": [audit("mia", "completr", "user", subject="tom")],
            "begun": [audit("mia", "beginr", "user", subject="tom")],
            "of somebody without details": [
                audit("mia", "completr", "user", actor_details=None, object_uuid=person("tom")["uuid"])
            ],
        },
        quiet={
            "by themselves, with a recovery code": [
                audit("tom", "beginr", "user", subject="tom"),
                audit("tom", "completr", "user", subject="tom"),
            ],
            "of something that is no person": [audit("mia", "completr", "vaultkey")],
            "cancelled": [audit("mia", "cancelr", "user", subject="tom")],
            "a change of address": [audit("mia", "begin", "ec", subject="tom"), audit("mia", "complete", "ec")],
        },
        expect={
            "Actor": "mia@example.com",
            "ActionName": "completed recovery of",
            "Subject": "tom@example.com",
            "SubjectUpnName": "tom",
        },
    ),
    RuleCase(
        rule="SuspendedPersonReactivated",
        fires={
            "by a person": [audit("mia", "reactive", "user", subject="tom")],
            "by somebody without details": [audit("mia", "reactive", "user", subject="tom", actor_details=None)],
        },
        quiet={
            "by automatic provisioning": [audit("scim", "reactive", "user", subject="tom", actor_details=SCIM)],
            "the subscription comes back": [audit("mia", "reactive", "sub"), audit("mia", "reactive", "account")],
            "suspended": [audit("mia", "suspend", "user", subject="tom")],
            "a new person's account becomes active": [audit("tom", "activate", "user", subject="tom")],
        },
        expect={"Actor": "mia@example.com", "Subject": "tom@example.com"},
    ),
]
