# forebayd with real brokers, servers, clients, signals and disks. Long ones first: they run beside the others.
system_tests = \
  %D%/18-disk-full.py \
  %D%/10-main-path.py \
  %D%/11-clients-of-others.py \
  %D%/12-tls-and-passwords.py \
  %D%/13-reload.py \
  %D%/15-brokers-down-and-up.py \
  %D%/16-http-answers.py \
  %D%/17-one-state-directory.py \
  %D%/19-hostile-payloads.py \
  %D%/20-stop-in-order.py \
  %D%/21-metrics.py \
  %D%/22-check.py \
  %D%/23-service-manager.py \
  %D%/24-service-unit.py \
  %D%/25-last-good.py \
  %D%/28-last-good-schemas.py \
  %D%/26-stop-under-load.py \
  %D%/27-reload-under-load.py \
  %D%/40-dead-letters.py \
  %D%/41-commands.py \
  %D%/42-codecs.py \
  %D%/42-operator-command.py \
  %D%/43-journal-tools.py \
  %D%/44-states.py \
  %D%/45-compressed-payloads.py \
  %D%/46-schema-command.py \
  %D%/47-decode-by-message.py \
  %D%/48-decode-and-encode-commands.py \
  %D%/49-editions.py \
  %D%/49-schema-files.py \
  %D%/50-sparkplug-host.py \
  %D%/51-sparkplug-edge.py \
  %D%/52-sparkplug-peers.py \
  %D%/53-sparkplug-client.py
dist_check_SCRIPTS += $(system_tests)
TESTS += $(system_tests)
