"""A real Kubernetes cluster of a test's own on one machine: the control plane, and nodes that are network and mount namespaces, each with
containerd, kubelet and kube-proxy. Everything is in the folder and the namespaces that tests/support/enclosed gives.

Kubernetes' programs are built by tests/kubernetes/build; etcd, containerd, runc and the network plugins are Debian's. What is not as in
a cluster of machines: nodes share the kernel and its load, pods reach each other by plain routes (so that NetworkPolicies are accepted
and not enforced), volumes are folders of this machine.
"""
import json
import os
import pathlib
import secrets
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
CONTROL = "10.50.0.1"
CORE_FILE = """.:53 {
  errors
  kubernetes cluster.local {
    kubeconfig FOLDER/kubeconfig
  }
}
"""
# Control groups of version 1 and a machine without CAP_SYS_RESOURCE are good enough.
KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}}, "authorization": {"mode": "AlwaysAllow"},
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock", "clusterDNS": [CONTROL], "clusterDomain": "cluster.local",
    "cgroupDriver": "cgroupfs", "cgroupsPerQOS": False, "enforceNodeAllocatable": [], "failCgroupV1": False, "failSwapOn": False,
    "localStorageCapacityIsolation": False, "oomScoreAdj": 0, "imageGCHighThresholdPercent": 100, "evictionHard": {"memory.available": "1Mi"},
}
CONTAINERD = """version = 2
root = "FOLDER/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "pause:local"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "FOLDER/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""
# A node's own /run, /var/lib and /var/log: several kubelets and containerds want the same paths.
NODE = """set -e
for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs $folder; done
mkdir -p /run/lock /run/netns /run/containerd
containerd --config FOLDER/containerd.toml >FOLDER/containerd.log 2>&1 &
for try in $(seq 100); do ctr --address /run/containerd/containerd.sock version >/dev/null 2>&1 && break; sleep 0.1; done
for images in IMAGES; do ctr --address /run/containerd/containerd.sock --namespace k8s.io images import $images >/dev/null; done
PROGRAMS/kube-proxy --kubeconfig KUBECONFIG --hostname-override NAME --cluster-cidr 10.60.0.0/16 --conntrack-max-per-core 0 \
  --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0 >FOLDER/kube-proxy.log 2>&1 &
exec PROGRAMS/kubelet --config FOLDER/kubelet.json --kubeconfig KUBECONFIG --hostname-override NAME --node-ip ADDRESS >FOLDER/kubelet.log 2>&1
"""


def sh(command, **how):
    done = subprocess.run(["bash", "-ec", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
    assert done.returncode == 0, f"{command}\nended with {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


class Cluster:
    def __init__(self, folder, programs, images, nodes):
        self.folder, self.programs, self.images, self.processes = folder, pathlib.Path(programs), images, []
        folder.mkdir()
        self.kubeconfig = folder / "kubeconfig"
        self.environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": f"{programs}:{os.environ['PATH']}"}
        sh(f"ip link add nodes type bridge; ip address add {CONTROL}/24 dev nodes; ip link set nodes up; sysctl -q net.ipv4.ip_forward=1")
        self.start_control_plane()
        for number in range(1, nodes + 1):
            self.start_node(number)
        self.await_that(lambda: self.kubectl("get nodes --no-headers").count(" Ready ") == nodes, 180, "the nodes do not become ready")

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "w")
        self.processes.append(subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    def start_control_plane(self):
        folder, programs = self.folder, self.programs
        sh(f"""openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=cluster -keyout {folder}/key.pem -out {folder}/certificate.pem \
               -addext subjectAltName=IP:{CONTROL},IP:10.96.0.1,IP:127.0.0.1,DNS:kubernetes.default.svc""")
        token = secrets.token_hex(16)
        (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test", "users": [{"name": "admin", "user": {"token": token}}],
            "clusters": [{"name": "test", "cluster": {"server": f"https://{CONTROL}:6443", "certificate-authority": f"{folder}/certificate.pem"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}]}))
        self.start("etcd", "etcd", "--data-dir", folder / "etcd")
        self.start("kube-apiserver", programs / "kube-apiserver", "--etcd-servers", "http://127.0.0.1:2379", "--authorization-mode", "Node,RBAC",
                   "--token-auth-file", folder / "tokens.csv", "--tls-cert-file", folder / "certificate.pem", "--tls-private-key-file", folder / "key.pem",
                   "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", folder / "key.pem",
                   "--service-account-signing-key-file", folder / "key.pem", "--service-cluster-ip-range", "10.96.0.0/16",
                   "--advertise-address", CONTROL, "--allow-privileged", "--kubelet-preferred-address-types", "InternalIP", "--cert-dir", folder / "certificates")
        self.await_that(lambda: self.kubectl("get --raw /readyz", check=False).endswith("ok"), 120, "the API server does not come up")
        self.start("kube-controller-manager", programs / "kube-controller-manager", "--kubeconfig", self.kubeconfig, "--leader-elect=false",
                   "--service-account-private-key-file", folder / "key.pem", "--root-ca-file", folder / "certificate.pem",
                   "--allocate-node-cidrs", "--cluster-cidr", "10.60.0.0/16", "--cert-dir", folder / "certificates")
        self.start("kube-scheduler", programs / "kube-scheduler", "--kubeconfig", self.kubeconfig, "--leader-elect=false", "--cert-dir", folder / "certificates")
        (folder / "Corefile").write_text(CORE_FILE.replace("FOLDER", str(folder)))
        self.start("dns", programs / "dns", "-conf", folder / "Corefile")

    def start_node(self, number):
        """Pods have addresses 10.60.NUMBER.*, by routes over the bridge `nodes`."""
        name, address, pods, folder = f"node-{number}", f"10.50.0.{number + 10}", f"10.60.{number}.0/24", self.folder / f"node-{number}"
        folder.mkdir()
        sh(f"""ip netns add {name}
               ip link add n{number} master nodes type veth peer name eth0 netns {name}
               ip link set n{number} up
               ip -n {name} link set lo up; ip -n {name} link set eth0 up
               ip -n {name} address add {address}/24 dev eth0
               ip -n {name} route add default via {CONTROL}
               ip route add {pods} via {address}""")
        (folder / "cni").mkdir()
        (folder / "cni/pods.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [
            {"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": pods}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}))
        (folder / "kubelet.json").write_text(json.dumps(KUBELET))
        (folder / "containerd.toml").write_text(CONTAINERD.replace("FOLDER", str(folder)))
        script = NODE
        for word, value in {"KUBECONFIG": self.kubeconfig, "FOLDER": folder, "PROGRAMS": self.programs, "IMAGES": self.images, "NAME": name,
                            "ADDRESS": address}.items():
            script = script.replace(word, str(value))
        self.start(name, "nsenter", f"--net=/run/netns/{name}", "sysctl", "-q", "net.ipv4.ip_forward=1")
        self.start(name, "nsenter", f"--net=/run/netns/{name}", "unshare", "--mount", "bash", "-c", script)

    def kubectl(self, command, check=True, **how):
        done = subprocess.run(["bash", "-c", f"kubectl {command}"], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=600, **how)
        assert not check or done.returncode == 0, f"kubectl {command}\nended with {done.returncode}\n{done.stdout[-4000:]}"
        return done.stdout.strip()

    def get(self, what):
        return json.loads(self.kubectl(f"--namespace challenge get {what} --output json"))

    def await_that(self, holds, seconds, problem):
        give_up = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < give_up, f"{problem}\n{self.kubectl('get pods,events --all-namespaces', check=False)[-4000:]}"
            time.sleep(0.3)

    def end(self):
        for process in reversed(self.processes):
            process.kill()
