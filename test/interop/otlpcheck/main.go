// Owns holding weir's OTLP against the Collector's own decoders (its pdata library): as requests over HTTP and gRPC, and
// as files, line by line, as its file receiver reads them. `otlpcheck files TRACES METRICS LOGS`, `otlpcheck serve HTTP GRPC`.
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
)

type counts struct {
	sync.Mutex
	Spans  int `json:"spans"`
	Ids    int `json:"ids"`
	Points int `json:"points"`
	Logs   int `json:"logs"`
	seen   map[string]bool
}

var total = counts{seen: map[string]bool{}}

func (c *counts) traces(traces ptrace.Traces) {
	c.Lock()
	defer c.Unlock()
	c.Spans += traces.SpanCount()
	for _, resource := range traces.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				c.seen[span.TraceID().String()+span.SpanID().String()] = true
			}
		}
	}
	c.Ids = len(c.seen)
}

func (c *counts) metrics(metrics pmetric.Metrics) {
	c.Lock()
	defer c.Unlock()
	c.Points += metrics.DataPointCount()
}

func (c *counts) logs(logs plog.Logs) {
	c.Lock()
	defer c.Unlock()
	c.Logs += logs.LogRecordCount()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lines(path string, read func([]byte) error) {
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 1<<20), 1<<27)
	for scanner.Scan() {
		check(read(scanner.Bytes()))
	}
	check(scanner.Err())
}

func files(paths []string) {
	lines(paths[0], func(line []byte) error {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		if err == nil {
			total.traces(traces)
		}
		return err
	})
	lines(paths[1], func(line []byte) error {
		metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(line)
		if err == nil {
			total.metrics(metrics)
		}
		return err
	})
	lines(paths[2], func(line []byte) error {
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		if err == nil {
			total.logs(logs)
		}
		return err
	})
	check(json.NewEncoder(os.Stdout).Encode(&total))
}

type request interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}

func take(writer http.ResponseWriter, given *http.Request, into request, done func()) {
	var reader io.Reader = given.Body
	if given.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(reader)
		if err != nil {
			http.Error(writer, err.Error(), 400)
			return
		}
		reader = unzipped
	}
	body, err := io.ReadAll(reader)
	kind := given.Header.Get("Content-Type")
	if err == nil && strings.HasPrefix(kind, "application/json") {
		err = into.UnmarshalJSON(body)
	} else if err == nil {
		err = into.UnmarshalProto(body)
	}
	if err != nil {
		http.Error(writer, err.Error(), 400)
		return
	}
	done()
	writer.Header().Set("Content-Type", kind)
	if kind == "application/json" {
		fmt.Fprint(writer, "{}")
	}
}

type traceServer struct {
	ptraceotlp.UnimplementedGRPCServer
}

func (*traceServer) Export(_ context.Context, given ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	total.traces(given.Traces())
	return ptraceotlp.NewExportResponse(), nil
}

type metricServer struct {
	pmetricotlp.UnimplementedGRPCServer
}

func (*metricServer) Export(_ context.Context, given pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	total.metrics(given.Metrics())
	return pmetricotlp.NewExportResponse(), nil
}

type logServer struct {
	plogotlp.UnimplementedGRPCServer
}

func (*logServer) Export(_ context.Context, given plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	total.logs(given.Logs())
	return plogotlp.NewExportResponse(), nil
}

func serve(overHTTP, overGRPC string) {
	http.HandleFunc("/v1/traces", func(w http.ResponseWriter, r *http.Request) {
		into := ptraceotlp.NewExportRequest()
		take(w, r, into, func() { total.traces(into.Traces()) })
	})
	http.HandleFunc("/v1/metrics", func(w http.ResponseWriter, r *http.Request) {
		into := pmetricotlp.NewExportRequest()
		take(w, r, into, func() { total.metrics(into.Metrics()) })
	})
	http.HandleFunc("/v1/logs", func(w http.ResponseWriter, r *http.Request) {
		into := plogotlp.NewExportRequest()
		take(w, r, into, func() { total.logs(into.Logs()) })
	})
	http.HandleFunc("/counts", func(w http.ResponseWriter, _ *http.Request) {
		total.Lock()
		defer total.Unlock()
		_ = json.NewEncoder(w).Encode(&total)
	})
	listener, err := net.Listen("tcp", overGRPC)
	check(err)
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, &traceServer{})
	pmetricotlp.RegisterGRPCServer(server, &metricServer{})
	plogotlp.RegisterGRPCServer(server, &logServer{})
	go func() { check(server.Serve(listener)) }()
	check(http.ListenAndServe(overHTTP, nil))
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3])
	} else {
		files(os.Args[2:])
	}
}
