# Configurations and what must come out of them; see run.sh.
check_PROGRAMS += %D%/dump_config
%C%_dump_config_SOURCES = %D%/dump_config.c
%C%_dump_config_LDADD = $(RANK6)
dist_check_SCRIPTS += %D%/run.sh
TESTS += %D%/run.sh
EXTRA_DIST += %D%/cases
