noinst_LIBRARIES += %D%/libpipeline.a
%C%_libpipeline_a_SOURCES = \
  %D%/pipeline.c %D%/pipeline.h \
  %D%/pipeline_codec.c %D%/pipeline_codec.h \
  %D%/pipeline_decoder.c %D%/pipeline_decoder.h \
  %D%/pipeline_encoder.c %D%/pipeline_encoder.h \
  %D%/pipeline_plugin_codec.c %D%/pipeline_plugin_codec.h \
  %D%/pipeline_settings.c %D%/pipeline_settings.h \
  %D%/route_table.c %D%/route_table.h
