noinst_LIBRARIES += %D%/libpipeline.a
%C%_libpipeline_a_SOURCES = \
  %D%/pipeline.c \
  %D%/pipeline.h \
  %D%/route_table.c \
  %D%/route_table.h
