// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	kafkaVersion = "4.3.1"
	// DirEnv names the variable that says where Kafka's jars are, or are to be put, in place of the user's cache.
	DirEnv = "IRMAK_KAFKA_DIR"
)

// pom asks Maven for Kafka and everything that it needs; slf4j-simple makes its log come out on stderr.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>irmak</groupId><artifactId>kafkatest</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + kafkaVersion + `</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`

// errMissing is what Launch's error is when the machine lacks something that Kafka needs.
var errMissing = errors.New("cannot run Kafka here")

// jars is a Kafka that can be started.
type jars struct {
	java string
	dir  string
}

func (j jars) lib() string     { return filepath.Join(j.dir, "lib") }
func (j jars) archive() string { return filepath.Join(j.dir, "classes.jsa") }

// command is a JVM with Kafka's classes.
func (j jars) command(jvm []string, args ...string) *exec.Cmd {
	const log = "-Dorg.slf4j.simpleLogger."
	all := []string{"-cp", filepath.Join(j.lib(), "*"), "-XX:+UseSerialGC", log + "showDateTime=true",
		log + "dateTimeFormat=HH:mm:ss.SSS", log + "showThreadName=false", log + "log.org.apache.kafka.common.config=warn"}
	if _, err := os.Stat(j.archive()); err == nil {
		all = append(all, "-XX:SharedArchiveFile="+j.archive()) // ignored by a JVM that cannot use it
	}
	all = append(all, jvm...)
	return exec.Command(j.java, append(all, args...)...)
}

// Download brings Kafka onto this machine, if it is not there, and says where it is. Launch does so by itself; CI does
// it first, so that no test waits for a network.
func Download(ctx context.Context) (dir string, err error) {
	found, err := findJars(ctx)
	return found.dir, err
}

// findJars gives the cached Kafka, and downloads it when there is none.
//
// Several test binaries of one `go test` come here at once. The lock lets one of them download; the directory gets its
// name when it is complete, so that whoever sees it may use it without the lock, and a killed download leaves nothing
// that looks like Kafka.
func findJars(ctx context.Context) (jars, error) {
	java, err := findJava()
	if err != nil {
		return jars{}, fmt.Errorf("%w: %w: install a JDK 17 or set JAVA_HOME", errMissing, err)
	}
	dir, err := cacheDir()
	if err != nil {
		return jars{}, fmt.Errorf("%w: %w: set %s", errMissing, err, DirEnv)
	}
	found := jars{java: java, dir: dir}
	if _, err := os.Stat(found.lib()); err == nil {
		return found, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return jars{}, fmt.Errorf("%w: no Kafka in %s, and %w: install Maven", errMissing, dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return jars{}, err
	}
	unlock, err := waitLock(ctx, dir+".lock")
	if err != nil {
		return jars{}, err
	}
	defer unlock()
	if _, err := os.Stat(found.lib()); err == nil {
		return found, nil // somebody else was faster
	}
	if err := download(ctx, mvn, dir); err != nil {
		return jars{}, err
	}
	_ = found.makeArchive(ctx) // without it every start is slower, nothing else
	return found, nil
}

// makeArchive writes Kafka's classes down as a JVM has parsed them: starting a broker then costs 1.2 s of CPU and not
// 2.3. The JVM does that when it ends, so a broker is started and stopped for it. The archive names the jars by path,
// so they must be where they will stay.
func (j jars) makeArchive(ctx context.Context) error {
	fresh := j.archive() + ".new"
	jvm := append([]string{"-XX:ArchiveClassesAtExit=" + fresh}, smallJVM...)
	c, err := launch(ctx, j, Options{Brokers: 1, JVM: jvm})
	if err != nil {
		return err
	}
	if err := errors.Join(c.Stop(0), c.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, j.archive())
}

func download(ctx context.Context, mvn, dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), []byte(pom), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime",
		"-DoutputDirectory="+filepath.Join(tmp, "lib"))
	out := &limitedBuffer{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = tmp, out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: download of Kafka %s with Maven: %w:\n%s", errMissing, kafkaVersion, err, out.tail())
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func cacheDir() (string, error) {
	if dir := os.Getenv(DirEnv); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "irmak", "kafka-"+kafkaVersion), err
}

func findJava() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return exec.LookPath(filepath.Join(home, "bin", "java"))
	}
	return exec.LookPath("java")
}

// waitLock takes the lock of the file, waiting for whoever has it.
func waitLock(ctx context.Context, path string) (unlock func(), err error) {
	for {
		unlock, err := lockFile(path)
		if err == nil || !errors.Is(err, errLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s is locked by a process that downloads Kafka: %w", path, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

var errLocked = errors.New("locked by another process")

// limitedBuffer keeps the end of what a child process says.
type limitedBuffer struct{ b []byte }

func (l *limitedBuffer) Write(p []byte) (int, error) {
	l.b = append(l.b, p...)
	if extra := len(l.b) - 2*logTailLength; extra > 0 {
		l.b = append(l.b[:0], l.b[extra:]...)
	}
	return len(p), nil
}

func (l *limitedBuffer) tail() string {
	return string(l.b[max(0, len(l.b)-logTailLength):])
}
