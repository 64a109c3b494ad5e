# Fault campaigns: everything that acknowledges is broken on purpose, and oracle.py judges what is left.
check_PROGRAMS += %D%/journal_driver %D%/power_disk %D%/fault_shim.so %D%/fault_memory_shim.so %D%/fault_clock_shim.so
%C%_journal_driver_SOURCES = %D%/journal_driver.c
%C%_journal_driver_LDADD = daemon/journal/libjournal.a daemon/loop/libloop.a daemon/metrics/libmetrics.a $(RANK1) \
  $(LIBEVENT_LIBS)
%C%_power_disk_SOURCES = %D%/power_disk.c

# Preloaded into programs, so without sanitizers of their own.
shim_cflags = -std=gnu11 -fPIC -fvisibility=hidden $(FBY_WARNINGS)
%C%_fault_shim_so_SOURCES = %D%/fault_shim.c
%C%_fault_shim_so_CFLAGS = $(shim_cflags)
%C%_fault_shim_so_LDFLAGS = -shared
%C%_fault_memory_shim_so_SOURCES = %D%/fault_memory_shim.c
%C%_fault_memory_shim_so_CFLAGS = $(shim_cflags)
%C%_fault_memory_shim_so_LDFLAGS = -shared
%C%_fault_clock_shim_so_SOURCES = %D%/fault_clock_shim.c
%C%_fault_clock_shim_so_CFLAGS = $(shim_cflags)
%C%_fault_clock_shim_so_LDFLAGS = -shared

fault_tests = \
  %D%/10-journal-calls.py \
  %D%/11-durable-files.py \
  %D%/20-journal-damage.py \
  %D%/30-power-cuts.py \
  %D%/31-torn-sectors.py \
  %D%/40-kill-under-load.py \
  %D%/41-daemon-memory.py \
  %D%/42-faults-in-recovery.py \
  %D%/43-disk-filled-and-freed.py \
  %D%/44-clock.py \
  %D%/45-backlog.py \
  %D%/46-descriptors.py
# The world around it.
fault_tests += %D%/60-brokers.py %D%/61-network.py %D%/62-names.py \
  %D%/63-upstream-answers.py

dist_check_SCRIPTS += $(fault_tests)
TESTS += $(fault_tests)
dist_check_SCRIPTS += %D%/report.py %D%/mutants.py %D%/long_run.py
EXTRA_DIST += %D%/oracle.py %D%/campaign.py %D%/daemon_campaign.py %D%/broker_campaign.py %D%/journal_files.py %D%/journal_case.py \
  %D%/own_mounts.py %D%/file_system.py %D%/memory_limit.py %D%/seeds %D%/README.md

# The same campaigns with the numbers of a long run and new seeds, and the fuzz targets, again and again for FAULT_SECONDS.
# Each gets an equal part of the time, at most CAMPAIGN_SECONDS; FAULT_COUNT sets the number of faults of each. What they
# report is collected for `make campaign-table`, from one run to the next, until `make clean`.
FAULT_SECONDS = 3600
FAULT_COUNT =
CAMPAIGN_SECONDS = 3600
CAMPAIGN_RESULTS = $(abs_top_builddir)/campaigns.jsonl
CLEANFILES += campaigns.jsonl
.PHONY: check-long campaign-table
check-long: all
	@$(MAKE) -s $(check_PROGRAMS) $(check_LIBRARIES)
	@$(AM_TESTS_ENVIRONMENT) $(srcdir)/%D%/long_run.py --seconds $(FAULT_SECONDS) --each $(CAMPAIGN_SECONDS) \
	  --faults '$(FAULT_COUNT)' --results '$(CAMPAIGN_RESULTS)' --logs long-run $(fault_tests)

# What the campaigns found, into README.md.
campaign-table:
	/usr/bin/python3 $(srcdir)/%D%/report.py '$(CAMPAIGN_RESULTS)' --into '$(top_srcdir)/README.md'

# Each deliberate bug of a build with --enable-mutants must make a test of the gate fail.
.PHONY: check-mutants
check-mutants: all
	@$(MAKE) -s $(check_PROGRAMS) $(check_LIBRARIES)
	@$(AM_TESTS_ENVIRONMENT) $(srcdir)/%D%/mutants.py
