// Command kube-dev is a real Kubernetes in one file: control plane, node programs and kubectl, each under the name
// of its role. The project's own tests and the local world run on it, so nothing is fetched but Go modules.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var roles = map[string]func() int{
	"etcd":               func() int { etcdmain.Main(os.Args); return 0 },
	"apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"controller-manager": func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kubelet":            func() int { return cli.Run(kubelet.NewKubeletCommand(context.Background())) },
	"proxy":              func() int { return cli.Run(proxy.NewProxyCommand()) },
	"kubectl":            runKubectl,
}

func runKubectl() int {
	// kubectl prints its errors itself.
	if kubectl.NewDefaultKubectlCommand().Execute() != nil {
		return 1
	}
	return 0
}

func main() {
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		var names []string
		for name := range roles {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintln(os.Stderr, "usage: kube-dev "+strings.Join(names, "|")+" [flags]")
		os.Exit(2)
	}
	role := os.Args[1]
	// The command packages read their own name from the first argument.
	os.Args = append([]string{role}, os.Args[2:]...)
	os.Exit(roles[role]())
}
