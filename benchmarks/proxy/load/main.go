// The two ends of the proxy benchmark, small and fast so that the proxy between them is what is measured.
//
//	load serve                                       prints the addresses of an echo server and of a source
//	load rtt ADDRESS CONNECTIONS BYTES MILLISECONDS  prints round trips and their times, as JSON
//	load flow ADDRESS CONNECTIONS MILLISECONDS       prints how much came through from the source, as JSON
//	load dial ADDRESS CONNECTIONS MILLISECONDS       prints how many connections were made, used and closed, as JSON
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	switch os.Args[1] {
	case "serve":
		serve()
	case "rtt":
		rtt(os.Args[2], number(3), number(4), span(5))
	case "flow":
		flow(os.Args[2], number(3), span(4))
	case "dial":
		dial(os.Args[2], number(3), span(4))
	}
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	check(err)
	return n
}

func span(i int) time.Duration { return time.Duration(number(i)) * time.Millisecond }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func say(value any) { check(json.NewEncoder(os.Stdout).Encode(value)) }

// serve ends when its standard input does, so that it never outlives who started it.
func serve() {
	echo := accept(func(c net.Conn) {
		buffer := make([]byte, 256<<10)
		for {
			n, err := c.Read(buffer)
			if n > 0 {
				if _, err := c.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	source := accept(func(c net.Conn) {
		buffer := make([]byte, 256<<10)
		for {
			if _, err := c.Write(buffer); err != nil {
				return
			}
		}
	})
	say(map[string]string{"echo": echo, "source": source})
	io.Copy(io.Discard, os.Stdin)
}

func accept(work func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				work(c)
			}()
		}
	}()
	return listener.Addr().String()
}

func connect(address string) net.Conn {
	c, err := net.Dial("tcp", address)
	check(err)
	return c
}

func rtt(address string, connections, size int, length time.Duration) {
	var lock sync.Mutex
	var all []float64
	var wait sync.WaitGroup
	began := time.Now()
	for i := 0; i < connections; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			c := connect(address)
			defer c.Close()
			out, in := make([]byte, size), make([]byte, size)
			var times []float64
			// On a machine that is busy with other things, a few trips are waited for.
			for time.Since(began) < length || (len(times) < 10 && time.Since(began) < 20*length) {
				from := time.Now()
				_, err := c.Write(out)
				check(err)
				_, err = io.ReadFull(c, in)
				check(err)
				// The start is left out.
				if from.Sub(began) > length/8 {
					times = append(times, float64(time.Since(from).Nanoseconds())/1000)
				}
			}
			lock.Lock()
			all = append(all, times...)
			lock.Unlock()
		}()
	}
	wait.Wait()
	took := (time.Since(began) - length/8).Seconds()
	sort.Float64s(all)
	if len(all) == 0 {
		check(fmt.Errorf("no round trip in %v", length))
	}
	at := func(share float64) float64 { return all[int(share*float64(len(all)-1))] }
	say(map[string]float64{"perSecond": float64(len(all)) / took, "p50": at(0.5), "p99": at(0.99)})
}

func flow(address string, connections int, length time.Duration) {
	var total atomic.Int64
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for i := 0; i < connections; i++ {
		wait.Add(1)
		c := connect(address)
		go func() {
			defer wait.Done()
			buffer := make([]byte, 256<<10)
			for {
				n, err := c.Read(buffer)
				total.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
		go func() {
			<-stop
			c.Close()
		}()
	}
	// The start is left out: windows grow first.
	time.Sleep(length / 4)
	began, before := time.Now(), total.Load()
	time.Sleep(length)
	bytes, took := total.Load()-before, time.Since(began)
	close(stop)
	wait.Wait()
	say(map[string]float64{"megabytesPerSecond": float64(bytes) / 1e6 / took.Seconds()})
}

func dial(address string, connections int, length time.Duration) {
	var lock sync.Mutex
	made := 0
	var wait sync.WaitGroup
	began := time.Now()
	for i := 0; i < connections; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			mine := 0
			one := []byte{1}
			for ; time.Since(began) < length; mine++ {
				c := connect(address)
				_, err := c.Write(one)
				check(err)
				_, err = io.ReadFull(c, one)
				check(err)
				c.Close()
			}
			lock.Lock()
			made += mine
			lock.Unlock()
		}()
	}
	wait.Wait()
	say(map[string]float64{"perSecond": float64(made) / time.Since(began).Seconds()})
}
