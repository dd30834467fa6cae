package chart

import (
	"context"
	"errors"
	"io"
)

// through has the API server pass a request on to a Service of the cluster.
func (c *cluster) through(ctx context.Context, namespace, service, path string) (io.ReadCloser, error) {
	if c.raw == nil {
		return nil, errors.New("there is no way to it")
	}
	return c.raw.Get().AbsPath("/api/v1/namespaces/" + namespace + "/services/http:" + service + ":80/proxy" + path).Stream(ctx)
}
