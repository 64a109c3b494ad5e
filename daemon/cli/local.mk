# The `forebay` command; main.c stands alone, so that tests link the rest.
noinst_LIBRARIES += %D%/libcli.a
%C%_libcli_a_SOURCES = \
  %D%/cli.c %D%/cli.h \
  %D%/cli_client.c %D%/cli_client.h \
  %D%/cli_bench_disk.c \
  %D%/cli_codec.c %D%/cli_codec.h \
  %D%/cli_dead.c \
  %D%/cli_decode.c \
  %D%/cli_journal.c \
  %D%/cli_value.c %D%/cli_value.h \
  %D%/cli_reload.c \
  %D%/cli_schema.c \
  %D%/cli_schemas.c %D%/cli_schemas.h \
  %D%/cli_status.c

bin_PROGRAMS += %D%/forebay
%C%_forebay_SOURCES = %D%/main.c
%C%_forebay_LDADD = daemon/cli/libcli.a $(RANK6)
