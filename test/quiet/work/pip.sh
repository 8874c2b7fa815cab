set -e
mkdir -p /root/python/thing && cd /root/python
printf 'from setuptools import setup\nsetup(name="thing", version="1.0", packages=["thing"], entry_points={"console_scripts": ["thing = thing:main"]})\n' >setup.py
printf 'def main():\n    print("a thing")\n' >thing/__init__.py
python3 -m venv --system-site-packages --without-pip /root/venv
/root/venv/bin/python -m pip --version
/root/venv/bin/python -m pip install --no-index --no-build-isolation --no-deps .
/root/venv/bin/thing
