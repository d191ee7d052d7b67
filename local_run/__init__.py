"""What script/server runs: all processes of the service on one machine, which end together
(docs/adr/0028-a-local-run-ends-as-one.md)."""
