#!/bin/sh
# ffmpeg.sh agent|counter: builds ffmpeg from source/ with only the parts that this process uses, under the LGPL, and puts it
# into /root-agent or /root-counter, with its licence and the address of its source.
set -eu
process=$1

case $process in
  # Demuxes cameras and files and copies their video. Decoders and parsers only find the size and order of pictures.
  agent) parts='
    --disable-swscale --enable-version3 --enable-openssl
    --enable-protocol=file,pipe,tcp,udp,rtp,rtmp,srtp,tls
    --enable-demuxer=concat,rtsp,sdp,mov,matroska,avi,mpegts,flv,nut,h264,hevc,mjpeg,m4v
    --enable-parser=h264,hevc,mjpeg,mpeg4video,vp8,vp9 --enable-decoder=h264,hevc,mjpeg,mpeg4,vp8,vp9
    --enable-bsf=noise,extract_extradata,h264_mp4toannexb,hevc_mp4toannexb --enable-muxer=nut' ;;
  # Decodes its input, without protocols by which hostile input could make it open files or connections.
  counter) parts='
    --disable-network --enable-protocol=pipe --enable-demuxer=nut --enable-muxer=nut
    --enable-decoder=h264,hevc,mjpeg,mpeg4,vp8,vp9 --enable-encoder=rawvideo --enable-filter=select,crop,scale,format' ;;
esac

export DEB_BUILD_MAINT_OPTIONS=hardening=+all
mkdir "build-$process"
cd "build-$process"
# shellcheck disable=SC2086
../source/configure --disable-autodetect --disable-everything --disable-doc --disable-ffplay --disable-ffprobe \
  --disable-avdevice --disable-postproc --disable-swresample --enable-pic --extra-ldexeflags=-pie \
  --extra-cflags="$(dpkg-buildflags --get CPPFLAGS) $(dpkg-buildflags --get CFLAGS)" \
  --extra-ldflags="$(dpkg-buildflags --get LDFLAGS)" $parts > configured
make -j"$(nproc)" ffmpeg
root=/root-$process
install -D --target-directory="$root/usr/local/bin" ffmpeg
install -D --mode=644 --target-directory="$root/licenses/ffmpeg" ../source/LICENSE.md ../source/COPYING.LGPLv2.1 ../source/COPYING.LGPLv3
cat > "$root/licenses/ffmpeg/SOURCE" <<END
This image has an ffmpeg built without changes from Debian's source package ffmpeg $FFMPEG_VERSION, under the GNU Lesser
General Public License ($(sed -n 's/^License: LGPL //p' configured)); the texts are beside this file.
The source: apt-get source ffmpeg=$FFMPEG_VERSION, or https://snapshot.debian.org/package/ffmpeg/.
Built by hack/images/ffmpeg.sh of Footfall. To put your own in its place, mount it over /usr/local/bin/ffmpeg.

$(./ffmpeg -hide_banner -buildconf)
END
