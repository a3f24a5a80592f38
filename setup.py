"""Packaging: everything is read from settings.ini, so that nothing stands twice."""

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

parser = ConfigParser(delimiters=["="])
parser.read("settings.ini", encoding="utf-8")
settings = parser["DEFAULT"]

setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    keywords=settings["keywords"],
    author=settings["author"],
    author_email=settings["author_email"],
    url=settings["git_url"],
    license="Apache-2.0",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=f">={settings['min_python']}",
    # The sample data travels inside the package, so that the tour runs after a plain `pip install`.
    packages=[*find_packages(include=["dinofrcnn*"]), "dinofrcnn.data_samples"],
    package_dir={"dinofrcnn": "dinofrcnn", "dinofrcnn.data_samples": "data_samples"},
    package_data={"dinofrcnn.data_samples": ["**/*"]},
    install_requires=settings["requirements"].split(),
    extras_require={"dev": settings["dev_requirements"].split()},
    entry_points={"console_scripts": settings["console_scripts"].split()},
)
