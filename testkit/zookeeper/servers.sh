#!/usr/bin/env bash
# Fetches the jars of one ZooKeeper server version through Maven and prints their class path.
#
#   servers.sh VERSION [DIR]      jars go to DIR/VERSION; default DIR: ${XDG_CACHE_HOME:-$HOME/.cache}/mesolith/zookeeper
#
# Idempotent (a second call starts no Maven), safe to run twice at once. Needs mvn and Maven Central. VERSION: 3.4.*, or
# 3.5.5 and later. Every version logs through slf4j-simple; its own log4j, reload4j or logback is left out, as is Jetty (the
# admin server). metrics-core and snappy-java, which 3.6 and later need to start, come in the version that ZooKeeper names.
set -euo pipefail
die() { echo "servers.sh: $*" >&2; exit 1; }
V=${1:-}; D=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/mesolith/zookeeper}
[[ $V =~ ^3\.(4|5|[6-9]|[1-9][0-9])\.[0-9]+$ && ! $V =~ ^3\.5\.[0-4]$ ]] || die "usage: servers.sh VERSION [DIR], VERSION 3.4.x or 3.5.5 and later"
SLF4J=2.0.17   # callers built with 1.7 run with it too; 3.8.6 and 3.9.5 were built with 2.0
mkdir -p "$D"; D=$(cd "$D" && pwd)

dep() { echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId>$3</dependency>"; }
ex() { echo "<exclusion><groupId>$1</groupId><artifactId>$2</artifactId></exclusion>"; }

if [ ! -e "$D/$V/zookeeper-$V.jar" ]; then
  command -v mvn >/dev/null || die "no mvn"
  T=$(mktemp -d "$D/.$V.XXXXXX"); trap 'rm -rf "$T"' EXIT
  managed=''; extra=''
  case $V in 3.4.*) ;; *)   # the versions that this ZooKeeper was built with, from its own parent pom
    managed="<dependencyManagement><dependencies>$(dep org.apache.zookeeper parent "<version>$V</version><type>pom</type><scope>import</scope>")</dependencies></dependencyManagement>"
    extra=$(dep commons-cli commons-cli '') ;; esac
  case $V in 3.[45].*) ;; *) extra+=$(dep io.dropwizard.metrics metrics-core '<scope>compile</scope>'; dep org.xerial.snappy snappy-java '<scope>compile</scope>') ;; esac
  cat > "$T/pom.xml" <<P
<project><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>zookeeper-servers</artifactId><version>1</version>
$managed
<dependencies>
$(dep org.slf4j slf4j-api "<version>$SLF4J</version>")
$(dep org.slf4j slf4j-simple "<version>$SLF4J</version>")
$(dep org.apache.zookeeper zookeeper "<version>$V</version><exclusions>$(ex log4j log4j; ex org.slf4j slf4j-log4j12; ex org.slf4j slf4j-reload4j; ex ch.qos.reload4j '*'; ex ch.qos.logback '*')</exclusions>")
$extra
</dependencies></project>
P
  timeout 600 mvn -B -f "$T/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$T/jars" > "$T/log" 2>&1 < /dev/null || { grep -m5 ERROR "$T/log" >&2; die "Maven could not fetch $V"; }
  [ -e "$T/jars/zookeeper-$V.jar" ] || die "Maven gave no zookeeper-$V.jar"
  mv -T "$T/jars" "$D/$V" 2>/dev/null || [ -e "$D/$V/zookeeper-$V.jar" ] || die "cannot write $D/$V"
fi
CP=''; for j in "$D/$V"/*.jar; do CP+=${CP:+:}$j; done
echo "$CP"
