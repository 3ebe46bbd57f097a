"""How the app scales out: what a poll costs is measured, the platform that schedules it is simulated."""
