noinst_LIBRARIES += %D%/libdelivery.a
%C%_libdelivery_a_SOURCES = \
  %D%/delivery.c \
  %D%/delivery.h \
  %D%/upstream.h
