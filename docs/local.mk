# Manual pages.
dist_man_MANS += \
  %D%/forebay.1 \
  %D%/forebay.yaml.5 \
  %D%/forebay-guarantees.7 \
  %D%/forebay-metrics.7 \
  %D%/forebay-sparkplug.7 \
  %D%/forebayd.8
