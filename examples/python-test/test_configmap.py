"""A test with a cluster of its own; the standard library is all it needs. Run: python3 -m unittest (K8TS: path of the k8ts command)."""

import base64
import json
import os
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.request


class Cluster:
    """`k8ts testserver` as a context manager; request() speaks JSON to the API server as the administrator."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [os.environ.get("K8TS", "k8ts"), "testserver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started = json.loads(self.process.stdout.readline())
        with open(started["kubeconfig"]) as file:
            config = json.load(file)
        self.server = started["server"]
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.tls = ssl.create_default_context(cadata=decode(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w") as pem:
            pem.write(decode(user["client-certificate-data"]) + decode(user["client-key-data"]))
            pem.flush()
            self.tls.load_cert_chain(pem.name)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, context=self.tls) as response:
            return json.load(response)


def decode(text):
    return base64.b64decode(text).decode()


class DeploymentTest(unittest.TestCase):
    def test_pods_of_a_deployment_run(self):
        with Cluster() as cluster:
            labels = {"app": "web"}
            containers = [{"name": "app", "image": "example.com/app:1"}]
            spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}
            path = "/apis/apps/v1/namespaces/default/deployments"
            cluster.request("POST", path, {"metadata": {"name": "web"}, "spec": spec})
            deadline = time.monotonic() + 30
            while cluster.request("GET", f"{path}/web")["status"].get("readyReplicas") != 3:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            pods = cluster.request("GET", "/api/v1/namespaces/default/pods")["items"]
            self.assertEqual([pod["status"]["phase"] for pod in pods], ["Running"] * 3)


if __name__ == "__main__":
    unittest.main()
