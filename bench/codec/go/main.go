// Go's own record reader, net/http/fcgi: reads the same records again and again, and prints records a second for each
// line on standard input. The reader is not exported, so it is linked by name; `record` repeats its shape.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	_ "net/http/fcgi"
	"os"
	"time"
	_ "unsafe"
)

type record struct {
	version       uint8
	kind          uint8
	id            uint16
	contentLength uint16
	paddingLength uint8
	reserved      uint8
	buf           [65535 + 255]byte
}

//go:linkname read net/http/fcgi.(*record).read
func read(rec *record, r io.Reader) error

func main() {
	const count = 64 * 1024
	one := []byte{1, 6, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	all := bytes.Repeat(one, count)
	var rec record
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		began := time.Now()
		done := 0
		for time.Since(began) < 60*time.Millisecond {
			source := bytes.NewReader(all)
			for i := 0; i < count; i++ {
				if err := read(&rec, source); err != nil {
					panic(err)
				}
			}
			done += count
		}
		fmt.Println(float64(done) / time.Since(began).Seconds())
	}
}
