# Fault campaigns: everything that acknowledges is broken on purpose, and oracle.py judges what is left.
check_PROGRAMS += %D%/journal_driver %D%/fault_shim.so %D%/fault_memory_shim.so
%C%_journal_driver_SOURCES = %D%/journal_driver.c
%C%_journal_driver_LDADD = daemon/journal/libjournal.a daemon/loop/libloop.a daemon/metrics/libmetrics.a $(RANK1) \
  $(LIBEVENT_LIBS)

# Preloaded into programs, so without sanitizers of their own.
shim_cflags = -std=gnu11 -fPIC -fvisibility=hidden $(FBY_WARNINGS)
%C%_fault_shim_so_SOURCES = %D%/fault_shim.c
%C%_fault_shim_so_CFLAGS = $(shim_cflags)
%C%_fault_shim_so_LDFLAGS = -shared
%C%_fault_memory_shim_so_SOURCES = %D%/fault_memory_shim.c
%C%_fault_memory_shim_so_CFLAGS = $(shim_cflags)
%C%_fault_memory_shim_so_LDFLAGS = -shared

fault_tests = \
  %D%/10-journal-calls.py \
  %D%/20-journal-damage.py \
  %D%/30-power-cuts.py

dist_check_SCRIPTS += $(fault_tests)
TESTS += $(fault_tests)
EXTRA_DIST += %D%/oracle.py %D%/journal_files.py %D%/journal_case.py %D%/README.md

# The same campaigns with larger numbers and new seeds, again and again for FAULT_SECONDS.
FAULT_SECONDS = 3600
FAULT_COUNT = 10000
.PHONY: check-long
check-long: all $(check_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) end=$$(($$(date +%s) + $(FAULT_SECONDS))); \
	while :; do \
	  for campaign in $(fault_tests); do \
	    left=$$((end - $$(date +%s))); [ $$left -gt 0 ] || exit 0; \
	    FOREBAY_FAULT_COUNT=$(FAULT_COUNT) timeout $$left $(srcdir)/$$campaign; result=$$?; \
	    case $$result in 0|77) ;; 124) exit 0 ;; *) echo "$$campaign failed"; exit 1 ;; esac; \
	  done; \
	done
