# Tests; see tests/README.md.
#
# Every test gets the two trees and the tools by environment; nothing is found by a relative path.
#
# The address sanitizer of GCC 12 takes thread-local storage of a plugin for something else when it happens to begin
# 16 bytes into a page, and its leak check then reads wild addresses ("Tracer caught signal 11"): it must not follow it.
AM_TESTS_ENVIRONMENT = \
  ASAN_OPTIONS="intercept_tls_get_addr=0:$${ASAN_OPTIONS}"; export ASAN_OPTIONS; \
  top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
  top_builddir='$(abs_top_builddir)'; export top_builddir; \
  CC='$(CC)'; export CC; \
  LINT_CPPFLAGS='-I$(abs_top_builddir) -I$(abs_top_builddir)/daemon -I$(abs_top_builddir)/daemon/schema $(filter-out -D% -I$(top_srcdir)% -I$(top_builddir)%,$(AM_CPPFLAGS)) $(LUA_CFLAGS) $(CURL_CFLAGS)'; \
  export LINT_CPPFLAGS; \
  PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE;

dist_check_SCRIPTS += %D%/ci.sh %D%/count_results.sh %D%/coverage.py
EXTRA_DIST += %D%/README.md

include %D%/unit/base/local.mk
include %D%/unit/loop/local.mk
include %D%/unit/metrics/local.mk
include %D%/unit/message/local.mk
include %D%/unit/config/local.mk
include %D%/unit/schema/local.mk
include %D%/unit/sparkplug/local.mk
include %D%/unit/journal/local.mk
include %D%/unit/mqtt/local.mk
include %D%/unit/plugin/local.mk
include %D%/unit/admin/local.mk
include %D%/unit/ingest/local.mk
include %D%/unit/pipeline/local.mk
include %D%/unit/delivery/local.mk
include %D%/unit/gateway/local.mk
include %D%/unit/cli/local.mk
include %D%/conformance/local.mk
include %D%/lint/local.mk
include %D%/config/local.mk
include %D%/plugins/local.mk
include %D%/flow/local.mk
include %D%/system/local.mk
include %D%/faults/local.mk
include %D%/fuzz/local.mk
include %D%/bench/local.mk
include %D%/helpers/local.mk

# Branch coverage of the journal by its own tests, in a build with --enable-coverage; COVERAGE_OPTIONS=--missing lists
# what was not taken, COVERAGE_LEAST=95 fails below that.
.PHONY: coverage-journal
coverage-journal: all
	@$(MAKE) -s $(journal_tests) %D%/faults/journal_driver %D%/faults/fault_shim.so %D%/faults/fault_memory_shim.so
	@$(AM_TESTS_ENVIRONMENT) $(srcdir)/tests/coverage.py $(COVERAGE_OPTIONS) journal $(journal_tests) \
	  tests/faults/10-journal-calls.py tests/faults/20-journal-damage.py tests/system/43-journal-tools.py

# For tests/ci.sh, which runs a selection in the sanitizer builds.
.PHONY: print-tests
print-tests:
	@echo $(TESTS)
