# Rules a machine can check. selftest.sh proves that each of them can fail.
lint_tests = \
  %D%/selftest.sh \
  %D%/check_layers.sh \
  %D%/check_headers.sh \
  %D%/check_prefixes.sh \
  %D%/check_style.sh \
  %D%/check_documented.sh \
  %D%/check_mutants.sh \
  %D%/check_sparkplug_table.sh
dist_check_SCRIPTS += $(lint_tests) %D%/check_analysis.sh
TESTS += $(lint_tests)
EXTRA_DIST += %D%/prefix_exceptions

# `make lint` runs them alone.
.PHONY: lint
lint:
	$(MAKE) check TESTS='$(lint_tests)'
