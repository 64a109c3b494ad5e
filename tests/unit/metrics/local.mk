# Unit tests of daemon/metrics.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_metrics
TESTS += %D%/test_metrics
%C%_test_metrics_LDADD = daemon/metrics/libmetrics.a $(RANK1) $(CMOCKA_LIBS)
endif
